"""
Puts data of this gateway into requests, because a fuzzer cannot know the names of its models, tools and upstreams, nor what
came before. What has the wrong form stays as it is, because it is wrong on purpose.
"""

import itertools

import schemathesis

HELLO = {"role": "user", "content": "Hello"}
# The model of a path. Every other path is asked for models that nobody has.
MODELS = {
    "/v1/chat/completions": "gpt-5-mini",
    "/v1/responses": "gpt-5-mini",
    "/v1/responses/compact": "gpt-5-mini",
    "/v1/messages": "claude-haiku-4-5",
    "/v1/embeddings": "embed-v4.0",
}
# Items that refer to others, or to what only this gateway can have made. No schema can say which exist.
REFERRING = ("_output", "tool_result", "item_reference", "compaction", "compaction_trigger", "tool_search_call")


def known(value, name):
    """Replaces names by one that exists."""
    if isinstance(value, str) and value:
        return name
    if isinstance(value, list) and value and all(isinstance(item, str) and 0 < len(item) <= 200 for item in value):
        return [name]
    return value


def refers(item):
    return isinstance(item, dict) and isinstance(item.get("type"), str) and item["type"].endswith(REFERRING)


def adapt_wishes(wishes):
    for wish in ("order", "only", "not"):
        if wish in wishes:
            wishes[wish] = known(wishes[wish], "mistral" if wish == "not" else "openai")


def adapt_responses(body):
    if isinstance(body.get("previous_response_id"), str):
        body["previous_response_id"] = None
    given = body.get("input")
    if isinstance(given, list):
        body["input"] = [HELLO if refers(item) else item for item in given] + [HELLO]
    elif given is None:
        body["input"] = "Hello"


def adapt_messages(body):
    """Anthropic takes a conversation that says something, and results of calls that were made."""
    for message in body["messages"]:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list) and any(refers(block) for block in content):
            message["content"] = "A result"
        if content == "" or content == []:
            message["content"] = "Hello"
    if body["messages"]:
        body["messages"].append(HELLO)
    # the gateway adds it for other upstreams, but Anthropic's own requires it
    body.setdefault("max_tokens", 16)


def adapt_chat(body):
    """The gateway reads the roles, and an upstream judges the rest of a message."""
    body["messages"] = [
        HELLO if isinstance(message, dict) and isinstance(message.get("role"), str) and message["role"] else message
        for message in body["messages"]
    ]
    if "stream_options" in body:
        body["stream_options"] = None


def adapt(path, body):
    if isinstance(body.get("tributary"), dict):
        adapt_wishes(body["tributary"])
    if path.startswith("/api/chat/stream") and isinstance(body.get("tools"), list):
        body["tools"] = known(body["tools"], "*")
    if path.startswith("/v1/responses"):
        adapt_responses(body)
    if path == "/v1/messages" and isinstance(body.get("messages"), list):
        adapt_messages(body)
    if path in MODELS and isinstance(body.get("model"), str) and body["model"]:
        if path == "/v1/chat/completions" and isinstance(body.get("messages"), list):
            adapt_chat(body)
        body["model"] = MODELS[path]


addresses = itertools.count()


def next_address():
    number = next(addresses)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@schemathesis.hook
def before_call(context, case, kwargs):
    # wrong keys are counted by address, and each request is that of another client
    case.headers["X-Forwarded-For"] = next_address()
    if isinstance(case.body, dict):
        adapt(case.operation.path, case.body)
