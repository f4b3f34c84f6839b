"""What must hold, whatever the transport and the version."""

import asyncio
import json
import re

OPERATION = "create_order"
LINE = {"product_id": "p1", "qty": 2, "unit_price_cents": 999}


def order(key, lines=(LINE,)):
    return {"idempotencyKey": key, "currency": "EUR", "items": list(lines), "apply": True}


async def until(question, answer):
    """Asks until the answer is there: a minute at most."""
    async with asyncio.timeout(60):
        while not answer(found := await question()):
            await asyncio.sleep(0.02)
    return found


def orders(world, key):
    """Orders that were made under a key, by the events of its command."""
    return int(
        world.database.sql(
            "SELECT count(*) FROM orders o JOIN outbox.event_log e ON e.entity_id = o.id::text "
            "JOIN outbox.idempotency_keys k USING (command_id) "
            f"WHERE k.operation = '{OPERATION}' AND k.key = '{key}'"
        )
    )


async def lost_reply(world, looking, agent, key):
    """The story: a create_order whose reply was lost, from the first call to one order."""
    name = {"key": key, "operation": OPERATION}
    made = int(world.database.sql("SELECT count(*) FROM orders"))
    assert (await agent.ask("get_idempotency_key", **name))["status"] == "not_found"
    preview = await looking.ask("create_idempotency_key", **name, ttl="24h", apply=True)
    assert preview["applied"] is False and "plan_id" not in preview
    preview = await agent.ask("create_idempotency_key", **name, ttl="24h")
    assert preview["applied"] is False and preview["plan_id"].startswith("pl_")
    created = await agent.ask("create_idempotency_key", **name, ttl="24h", apply=True)
    assert created["applied"] and created["created"] and created["status"] == "active" and created["expires_at"]

    with world.database.locked("orders") as release:
        first = asyncio.create_task(agent.refused("create_order", **order(key)))
        seen = await until(lambda: agent.ask("get_idempotency_key", **name), lambda it: it["status"] == "in_progress")
        assert seen["disposition"] == "same_key" and seen["retry_after_ms"] == 800, seen
        world.way.drop()
        lost = await first
        assert lost["code"] == "OUTCOME_UNKNOWN" and lost["disposition"] == "same_key" and lost["retryable"], lost
        # The storefront knows nothing of that: it is still at the first call.
        assert (await agent.ask("get_idempotency_key", **name))["status"] == "in_progress"
        second = asyncio.create_task(agent.ask("create_order", **order(key)))
        release()
        answer = await second
    assert answer["applied"] and answer["replayed"], answer
    assert len(answer["event_ids"]) == 1 and answer["result"]["order_id"], answer
    known = await agent.ask("get_idempotency_key", **name)
    assert known["status"] == "completed" and known["disposition"] == "use_result", known
    assert known["event_ids"] == answer["event_ids"] and known["result"] == answer["result"]

    other = await agent.refused("create_order", **order(key, [LINE, LINE]))
    assert other["code"] == "IDEMPOTENCY_KEY_REUSED" and not other["retryable"], other
    again = await agent.ask("create_idempotency_key", **name, apply=True)
    assert again["created"] is False and again["status"] == "completed", again
    listed = await agent.ask("list_events", entity_type="order", entity_id=str(answer["result"]["order_id"]))
    assert listed["total"] == 1 and listed["events"][0]["event_type"] == "order.created", listed
    waiting = await agent.ask("list_outbox", status="pending", order_key=str(answer["result"]["order_id"]))
    assert waiting["total"] == 1, waiting
    assert (await agent.ask("acknowledge_event", event_id=world.shop["delivered"]))["applied"] is False
    assert orders(world, key) == 1
    assert int(world.database.sql("SELECT count(*) FROM orders")) == made + 1


async def reply_after_commit(world, agent, key):
    """The other moment: the order is made, and only its reply is lost."""
    world.way.lose_the_next_reply()
    lost = await agent.refused("create_order", **order(key))
    assert lost["code"] == "OUTCOME_UNKNOWN", lost
    answer = await agent.ask("create_order", **order(key))
    assert answer["applied"] and answer["replayed"], answer
    assert orders(world, key) == 1


async def looks(world, agent):
    """Every tool that only looks."""
    listed = await agent.ask("list_events", event_type="order.*", limit=2, include_payload=True)
    assert len(listed["events"]) == 2 and listed["total"] >= 3, listed
    more = await agent.ask("list_events", event_type="order.*", limit=2, cursor=listed["next_cursor"])
    assert not {one["event_id"] for one in listed["events"]} & {one["event_id"] for one in more["events"]}
    nothing = await agent.ask("list_events", event_type="order.craeted")
    assert nothing["total"] == 0 and nothing["diagnostics"]["nearest_event_types"] == ["order.created"], nothing
    dead = await agent.ask("get_event", event_id=world.shop["dead"], include_attempts=True)
    assert dead["event"]["payload"]["order_id"] == "ORD-3", dead
    assert [one["state"] for one in dead["deliveries"]] == ["dead"], dead
    assert (await agent.ask("verify_event", event_id=world.shop["dead"]))["state"] == "absent"
    history = await agent.ask("entity_timeline", entity_type="order", entity_id="ORD-3")
    assert [one["event_type"] for one in history["events"]] == ["order.created", "payment.succeeded"], history
    failed = await agent.ask("list_outbox", status="failed")
    assert failed["counts"]["failed"] == 1 and not failed["deliveries"][0]["will_retry"], failed
    why = await agent.ask("explain", event_id=world.shop["dead"])
    assert why["summary"] and why["commands"], why
    for subject in ({"order": "ORD-3"}, {"destination": "hook"}, {"key": "create_order_ORD-123", "operation": OPERATION}):
        assert (await agent.ask("explain", **subject))["summary"]
    misspelt = await agent.client.call_tool("list_events", {"evnt_type": "order.*"})
    assert misspelt.is_error and "did you mean event_type?" in misspelt.structured_content["error"]["fix"]
    assert (await agent.refused("get_event", event_id="evt_00000000000000000000000001"))["code"] == "EVENT_NOT_FOUND"
    # PostgreSQL has no such text: a mistake of the caller's, not one to try again.
    zero = await agent.refused("entity_timeline", entity_type="order", entity_id="ORD-\0")
    assert zero["code"] == "INVALID_ARGUMENT" and zero["disposition"] == "change", zero
    without = await agent.ask("get_event", event_id=world.shop["dead"], include_payload=False)
    assert "payload" not in without["event"], without


async def another_tenant(world, agent):
    """K10: another tenant's event answers as if it did not exist."""
    absent = "evt_00000000000000000000000001"
    for tool in ("get_event", "verify_event", "explain", "acknowledge_event"):
        said = []
        for one in (world.shop["foreign"], absent):
            arguments = {"event_id": one} | ({"apply": True} if tool == "acknowledge_event" else {})
            result = await agent.result(tool, arguments)
            assert result.is_error, (tool, result)
            text = json.dumps(result.structured_content).replace(one, "ID")
            said.append(re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text))
        assert said[0] == said[1], said
        assert "EVENT_NOT_FOUND" in said[0], said
    assert (await agent.ask("list_events", event_id=world.shop["foreign"]))["total"] == 0
    assert (await agent.ask("get_idempotency_key", key="theirs"))["status"] == "not_found"


async def previews(world, agent, applies):
    """K07, K08: every tool that writes, called so that it only says what it would do; the dumps are compared."""
    apply = {} if applies else {"apply": True}
    before = world.database.dump()
    for tool, arguments in (
        ("create_idempotency_key", {"key": "previewed", "operation": OPERATION}),
        ("acknowledge_event", {"event_id": world.shop["delivered"]}),
        ("redrive_dead_letters", {"event_type": "order.*"}),
        ("replay_events", {"entity_id": "ORD-1", "to": "hook"}),
        ("create_order", {key: value for key, value in order("previewed").items() if key != "apply"}),
    ):
        answer = await agent.ask(tool, **arguments, **apply)
        assert answer["applied"] is False and answer["message"].startswith("NOT EXECUTED: "), answer
        assert ("without --apply" in answer["message"]) is not applies, answer
    assert world.database.dump() == before, "a preview has changed something"


async def many(world, agent):
    """What changes many things: only as previewed, and once."""
    ask = {"entity_id": "ORD-1", "to": "hook"}
    refusal = await agent.refused("replay_events", **ask, apply=True)
    assert refusal["code"] == "PLAN_REQUIRED" and refusal["disposition"] == "preview", refusal
    preview = await agent.ask("replay_events", **ask)
    assert preview["plan"]["count"] == 1, preview
    other = await agent.refused("replay_events", entity_id="ORD-2", to="hook", apply=True, plan_id=preview["plan_id"])
    assert other["code"] == "PLAN_MISMATCH", other
    jobs = int(world.database.sql("SELECT count(*) FROM outbox.job"))
    done = await agent.ask("replay_events", **ask, apply=True, plan_id=preview["plan_id"])
    assert done["applied"] and done["result"]["done"] == 1, done
    again = await agent.ask("replay_events", **ask, apply=True, plan_id=preview["plan_id"])
    assert again == done, "a plan is carried out once"
    assert int(world.database.sql("SELECT count(*) FROM outbox.job")) == jobs + 1


async def mending(world, agent):
    """A dead letter is explained, redriven; a delivery is acknowledged; the audit says who."""
    preview = await agent.ask("redrive_dead_letters", event_id=world.shop["dead"])
    done = await agent.ask("redrive_dead_letters", event_id=world.shop["dead"], apply=True, plan_id=preview["plan_id"])
    assert done["applied"] and done["result"]["done"] == 1, done
    event = {"event_id": world.shop["delivered"], "reason": "the shop has it"}
    answer = await agent.ask("acknowledge_event", **event, apply=True)
    assert answer["applied"] and "acknowledged" in {one["state"] for one in answer["deliveries"]}, answer
    waiting = await agent.refused("acknowledge_event", event_id=world.shop["dead"], apply=True)
    assert waiting["code"] == "NOT_ACKNOWLEDGEABLE", waiting
    actors = world.database.sql("SELECT DISTINCT actor FROM outbox.audit").splitlines()
    assert actors and all("(mcp: " in actor for actor in actors), actors
