//! From stored events to the two spellings of the API.

use std::sync::Arc;

use serde_json::value::RawValue;
use stateset_api::event::{Envelope, FlatEvent, PayloadHashForm, SignatureState};
use stateset_api::ingest::FlatReceipt;
use stateset_ledger::bytes::{Salt, Signature};
use stateset_ledger::event::{Header, PayloadForm, ReceiptSignature, Seal};
use stateset_ledger::id::{KeyId, Scope};
use stateset_ledger::receipt::receipt_hash;
use stateset_ledger::signature::Signer as _;
use stateset_store::read::StoredEvent;

use crate::read::OpenedEvent;
use crate::service::Service;

/// The event under the envelope's names.
pub fn envelope(scope: Scope, opened: OpenedEvent) -> Envelope {
    let OpenedEvent { event, payload } = opened;
    let StoredEvent { sequence, sequenced_at, header, .. } = event;
    let state = signature_state(&header);
    let form = header.payload_form;
    let (key, signature, salt) = seal_parts(header.seal);
    let (plain, encrypted) = payload_members(form, payload);
    Envelope {
        ves_version: header.version.number(),
        event_id: header.event_id.0,
        tenant_id: scope.tenant.0,
        store_id: scope.store.0,
        source_agent_id: header.agent.0,
        agent_key_id: key.map(|key| key.0),
        entity_type: header.entity_type,
        entity_id: header.entity_id,
        event_type: header.event_type,
        created_at: header.created_at,
        payload_kind: form.payload_kind(),
        payload: plain,
        payload_encrypted: encrypted,
        payload_plain_hash: header.payload_hash.to_prefixed_hex(),
        payload_cipher_hash: header.cipher_hash.to_prefixed_hex(),
        payload_hash_form: (header.version.number() == 0).then(|| hash_form(form)),
        agent_signature: signature.map(|signature| signature.to_prefixed_hex()),
        signature: (state != SignatureState::Signed).then_some(state),
        legacy_signature: header.annotations.legacy_signature.and_then(raw),
        leaf_salt: salt.map(|salt| salt.to_prefixed_hex()),
        command_id: header.command_id,
        base_version: header.base_version,
        order_key: header.order_key,
        correlation_id: header.correlation_id,
        causation_id: header.annotations.causation_id,
        schema_version: header.annotations.schema_version,
        metadata: header.annotations.metadata.map(String::from).and_then(raw),
        traceparent: header.annotations.traceparent,
        sequence_number: sequence.get(),
        sequenced_at: sequenced_at.to_rfc3339(),
    }
}

/// The event under the first API's names.
pub fn flat(scope: Scope, opened: OpenedEvent) -> FlatEvent {
    let OpenedEvent { event, payload } = opened;
    let StoredEvent { sequence, sequenced_at, header, .. } = event;
    let signature_state = signature_state(&header);
    let (payload, payload_encrypted) = payload_members(header.payload_form, payload);
    FlatEvent {
        event_id: header.event_id.0,
        tenant_id: scope.tenant.0,
        store_id: scope.store.0,
        entity_type: header.entity_type,
        entity_id: header.entity_id,
        event_type: header.event_type,
        payload,
        payload_encrypted,
        payload_hash: header.payload_hash,
        payload_hash_form: hash_form(header.payload_form),
        created_at: header.created_at,
        source_agent: header.agent.0,
        signature_state,
        signature: header.annotations.legacy_signature.and_then(raw),
        command_id: header.command_id,
        base_version: header.base_version,
        order_key: header.order_key,
        correlation_id: header.correlation_id,
        causation_id: header.annotations.causation_id,
        schema_version: header.annotations.schema_version,
        metadata: header.annotations.metadata.map(String::from).and_then(raw),
        traceparent: header.annotations.traceparent,
        sequence_number: sequence.get(),
        sequenced_at: sequenced_at.to_rfc3339(),
    }
}

/// The receipt of a stored event. One taken with `receipts=flush` has no signature of its own yet and gets it here, as a
/// repeated ingest would give it.
pub fn receipt(service: &Service, scope: Scope, event: &StoredEvent) -> FlatReceipt {
    let header = &event.header;
    let hash = receipt_hash(scope, header.event_id, event.sequence, &header.content_hash);
    let signer = &service.signer;
    let signed =
        event.receipt.unwrap_or_else(|| ReceiptSignature { key: signer.number(), signature: signer.sign(&hash.0) });
    FlatReceipt {
        sequencer_id: Arc::clone(&service.sequencer_id),
        event_id: header.event_id.0,
        sequence_number: event.sequence.get(),
        sequenced_at: event.sequenced_at.to_rfc3339().into(),
        receipt_hash: hash,
        leaf_hash: header.leaf(scope, event.sequence),
        signature_alg: "ed25519",
        sequencer_signature: Some(signed.signature),
        sequencer_key_version: signed.key.0,
        duplicate: false,
        path: None,
    }
}

fn signature_state(header: &Header) -> SignatureState {
    match header.seal {
        Seal::Signed { .. } => SignatureState::Signed,
        Seal::Unsigned { .. } if header.annotations.legacy_signature.is_some() => SignatureState::Unverifiable,
        Seal::Unsigned { .. } => SignatureState::Absent,
    }
}

fn seal_parts(seal: Seal) -> (Option<KeyId>, Option<Signature>, Option<Salt>) {
    match seal {
        Seal::Signed { key, signature } => (Some(key), Some(signature), None),
        Seal::Unsigned { salt } => (None, None, Some(salt)),
    }
}

type Member = Option<Box<RawValue>>;

fn payload_members(form: PayloadForm, payload: Box<RawValue>) -> (Member, Member) {
    match form {
        PayloadForm::Encrypted => (None, Some(payload)),
        PayloadForm::Plain | PayloadForm::LegacySorted | PayloadForm::LegacyCanonical => (Some(payload), None),
    }
}

fn hash_form(form: PayloadForm) -> PayloadHashForm {
    match form {
        PayloadForm::Plain => PayloadHashForm::Ves,
        PayloadForm::Encrypted => PayloadHashForm::VesEncrypted,
        PayloadForm::LegacySorted => PayloadHashForm::LegacySorted,
        PayloadForm::LegacyCanonical => PayloadHashForm::LegacyCanonical,
    }
}

/// JSON that was checked when it came in.
fn raw(text: String) -> Option<Box<RawValue>> {
    RawValue::from_string(text).ok()
}
