"""The schema registry under the real Confluent client: SchemaRegistryClient, JSONSerializer, JSONDeserializer.

Usage: registry.py BASE_URL BOOTSTRAP_KEY TENANT OTHER_TENANT

Makes itself a key of each tenant. Exits non-zero at the first thing that does not hold.
"""

import json
import struct
import sys
import urllib.request

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

TOPIC = "order.events"
SUBJECT = f"{TOPIC}-value"
EVENT_TYPE = "order.created"


def schema(**more):
    properties = {"amount_cents": {"type": "integer", "minimum": 0}, "currency": {"type": "string"}} | more
    return json.dumps(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "OrderCreated",
            "type": "object",
            "properties": properties,
            "required": ["amount_cents", "currency"],
        }
    )


def refused(code, call):
    try:
        call()
    except SchemaRegistryError as error:
        assert error.error_code == code, (error.error_code, error.error_message)
        return error
    raise AssertionError(f"nothing was refused; {code} was expected")


def main(base, key, stranger_key):
    checks = 0
    client = SchemaRegistryClient(client_settings(base, key))

    # Serialising registers the schema, and the message names it: magic byte 0, then four bytes of its number.
    context = SerializationContext(TOPIC, MessageField.VALUE)
    serialize = JSONSerializer(schema(), client)
    order = {"amount_cents": 25998, "currency": "USD"}
    message = serialize(order, context)
    magic, number = struct.unpack(">bI", message[:5])
    assert magic == 0 and json.loads(message[5:]) == order, message
    assert JSONDeserializer(schema(), schema_registry_client=client)(message, context) == order
    # A reader that knows no schema asks for it by the number in the message.
    assert JSONDeserializer(None, schema_registry_client=client)(message, context) == order
    checks += 3

    assert client.get_subjects() == [SUBJECT]
    assert client.get_versions(SUBJECT) == [1]
    latest = client.get_latest_version(SUBJECT)
    assert (latest.version, latest.schema_id) == (1, number), latest
    assert json.loads(client.get_schema(number).schema_str) == json.loads(schema())
    found = client.lookup_schema(SUBJECT, Schema(schema(), "JSON"))
    assert (found.schema_id, found.version, found.subject) == (number, 1, SUBJECT), found
    assert client.register_schema(SUBJECT, Schema(schema(), "JSON")) == number
    checks += 6

    # The client itself refuses what does not keep the schema.
    try:
        serialize({"amount_cents": -1, "currency": "USD"}, context)
        raise AssertionError("the serializer took a payload that does not keep its schema")
    except SerializationError:
        checks += 1

    # A member may be added, none may change.
    grown, broken = Schema(schema(tax_cents={"type": "integer"}), "JSON"), Schema(schema(currency={"type": "integer"}), "JSON")
    assert client.test_compatibility(SUBJECT, grown) is True
    assert client.test_compatibility(SUBJECT, broken) is False
    assert client.register_schema(SUBJECT, grown) != number
    assert "currency" in refused(409, lambda: client.register_schema(SUBJECT, broken)).error_message
    assert client.get_versions(SUBJECT) == [1, 2]
    checks += 5

    assert client.get_compatibility() == "FULL_TRANSITIVE"
    client.set_compatibility(SUBJECT, "NONE")
    assert client.get_compatibility(SUBJECT) == "NONE"
    assert client.register_schema(SUBJECT, broken) > number
    checks += 3

    # Errors as clients know them.
    refused(40401, lambda: client.get_versions("nobody"))
    refused(40402, lambda: client.get_version(SUBJECT, 99))
    refused(40403, lambda: client.get_schema(99))
    refused(42201, lambda: client.register_schema(SUBJECT, Schema('{"$ref":"http://evil.example/"}', "JSON")))
    refused(42201, lambda: client.register_schema(SUBJECT, Schema('"string"', "AVRO")))
    checks += 5

    # What a client registers under a type of event is what events are held to.
    client.register_schema(EVENT_TYPE, Schema(schema(), "JSON"))
    verdict = post(base, key, "/api/v1/schemas/validate", {"eventType": EVENT_TYPE, "payload": {"amount_cents": "x"}})
    assert verdict["valid"] is False and len(verdict["errors"]) == 2, verdict
    checks += 1

    assert client.delete_version(SUBJECT, 3) == 3
    assert sorted(client.delete_subject(SUBJECT)) == [1, 2, 3]
    assert client.get_subjects() == [EVENT_TYPE]
    # What was written under a deleted schema stays readable.
    assert JSONDeserializer(None, schema_registry_client=SchemaRegistryClient(client_settings(base, key)))(message, context) == order
    checks += 4

    # Nobody without a key, and another tenant sees nothing of this one.
    stranger = SchemaRegistryClient({"url": base, "basic.auth.user.info": "anybody:ss_0000000000000000_wrong"})
    refused_status(401, stranger.get_subjects)
    assert SchemaRegistryClient(client_settings(base, stranger_key)).get_subjects() == []
    checks += 2
    print(f"registry: {checks} checks of the Confluent client hold")


def client_settings(base, key):
    return {"url": base, "basic.auth.user.info": f"anybody:{key}"}


def refused_status(status, call):
    try:
        call()
    except SchemaRegistryError as error:
        assert error.http_status_code == status, error
        return
    raise AssertionError(f"nothing was refused; {status} was expected")


def post(base, key, path, body):
    headers = {"Authorization": f"ApiKey {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(base + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def mint(base, bootstrap, tenant):
    return post(base, bootstrap, "/api/v1/api-keys", {"tenantId": tenant, "permissions": ["read", "admin"]})["apiKey"]


if __name__ == "__main__":
    address, bootstrap_key, ours, theirs = sys.argv[1:5]
    main(address, mint(address, bootstrap_key, ours), mint(address, bootstrap_key, theirs))
