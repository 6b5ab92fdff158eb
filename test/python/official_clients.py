"""Asks the gateway with the Python libraries of OpenAI and Anthropic. Reads its address, and prints what came of each check."""

import json
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import anthropic
import openai
import pydantic


class Place(pydantic.BaseModel):
    city: str


URL = json.load(sys.stdin)["url"]
MODEL = "lab/m"
OPENAI = openai.OpenAI(base_url=URL + "/v1", api_key="unused", max_retries=0)
ANTHROPIC = anthropic.Anthropic(base_url=URL, api_key="unused", max_retries=0)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HELLO = [{"role": "user", "content": "Hello"}]
CALL = [{"role": "user", "content": "call weather time"}]
COUNTED = "user: Hello, assistant: You said: Hello, user: count"
RESULTS = {"weather": "rain", "time": "late"}


def same(got, wanted):
    assert got == wanted, f"got {got!r}, not {wanted!r}"


def chat_answer():
    answer = OPENAI.chat.completions.create(model=MODEL, messages=HELLO)
    same((answer.choices[0].message.content, answer.choices[0].finish_reason), ("You said: Hello", "stop"))
    assert answer.usage.total_tokens > 0


def chat_stream():
    chunks = list(OPENAI.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
    same("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), "You said: Hello")


def chat_tools():
    tools = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in RESULTS]
    message = OPENAI.chat.completions.create(model=MODEL, messages=CALL, tools=tools).choices[0].message
    same([call.function.name for call in message.tool_calls], list(RESULTS))
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]} for call in message.tool_calls
    ]
    last = OPENAI.chat.completions.create(model=MODEL, messages=[*CALL, message, *results], tools=tools)
    assert "late" in last.choices[0].message.content


def chat_schema():
    answer = OPENAI.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Place)
    same(answer.choices[0].message.parsed, Place(city="Paris"))


def responses_answer():
    response = OPENAI.responses.create(model=MODEL, instructions="Be brief.", input="Hello")
    same((response.output_text, response.status), ("You said: Hello", "completed"))


def responses_stream():
    with OPENAI.responses.stream(model=MODEL, input="Hello") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        same(("".join(deltas), stream.get_final_response().output_text), ("You said: Hello", "You said: Hello"))


def responses_tools():
    tools = [{"type": "function", "name": name, "parameters": SCHEMA, "strict": False} for name in RESULTS]
    response = OPENAI.responses.create(model=MODEL, input=CALL, tools=tools)
    calls = [item for item in response.output if item.type == "function_call"]
    same([call.name for call in calls], list(RESULTS))
    outputs = [
        {"type": "function_call_output", "call_id": call.call_id, "output": RESULTS[call.name]} for call in calls
    ]
    last = OPENAI.responses.create(model=MODEL, previous_response_id=response.id, input=outputs, tools=tools)
    assert "late" in last.output_text


def responses_schema():
    same(OPENAI.responses.parse(model=MODEL, input="Where?", text_format=Place).output_parsed, Place(city="Paris"))


def responses_chain():
    first = OPENAI.responses.create(model=MODEL, input="Hello")
    same(OPENAI.responses.create(model=MODEL, previous_response_id=first.id, input="count").output_text, COUNTED)


def responses_references():
    first = OPENAI.responses.create(model=MODEL, input="Hello")
    references = [{"type": "item_reference", "id": item.id} for item in first.output]
    asked = [*HELLO, *references, {"role": "user", "content": "count"}]
    same(OPENAI.responses.create(model=MODEL, input=asked).output_text, COUNTED)


def embeddings():
    vectors = OPENAI.embeddings.create(model=MODEL, input=["a", "b"]).data
    same([(len(one.embedding) > 1, one.index) for one in vectors], [(True, 0), (True, 1)])


def openai_models():
    same([model.id for model in OPENAI.models.list()], [MODEL])


def messages_answer():
    message = ANTHROPIC.messages.create(model=MODEL, max_tokens=50, system="Be brief.", messages=HELLO)
    same((message.content[0].text, message.stop_reason), ("You said: Hello", "end_turn"))
    assert message.usage.input_tokens > 0


def messages_stream():
    with ANTHROPIC.messages.stream(model=MODEL, max_tokens=50, messages=HELLO) as stream:
        same("".join(stream.text_stream), "You said: Hello")
        same(stream.get_final_message().stop_reason, "end_turn")


def messages_tools():
    tools = [{"name": name, "input_schema": SCHEMA} for name in RESULTS]
    message = ANTHROPIC.messages.create(model=MODEL, max_tokens=50, messages=CALL, tools=tools)
    calls = [block for block in message.content if block.type == "tool_use"]
    same(([call.name for call in calls], message.stop_reason), (list(RESULTS), "tool_use"))
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": RESULTS[call.name]} for call in calls]
    turns = [*CALL, {"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    last = ANTHROPIC.messages.create(model=MODEL, max_tokens=50, messages=turns, tools=tools)
    assert "late" in last.content[0].text


def messages_schema():
    message = ANTHROPIC.messages.parse(model=MODEL, max_tokens=50, messages=HELLO, output_format=Place)
    same(message.parsed_output, Place(city="Paris"))


def messages_turns():
    first = ANTHROPIC.messages.create(model=MODEL, max_tokens=50, messages=HELLO)
    turns = [*HELLO, {"role": "assistant", "content": first.content}, {"role": "user", "content": "count"}]
    same(ANTHROPIC.messages.create(model=MODEL, max_tokens=50, messages=turns).content[0].text, COUNTED)


def count_tokens():
    assert ANTHROPIC.messages.count_tokens(model=MODEL, messages=HELLO).input_tokens > 0


def anthropic_models():
    same([model.id for model in ANTHROPIC.models.list()], [MODEL])


CHECKS = [
    *[chat_answer, chat_stream, chat_tools, chat_schema],
    *[responses_answer, responses_stream, responses_tools, responses_schema, responses_chain, responses_references],
    *[embeddings, openai_models],
    *[messages_answer, messages_stream, messages_tools, messages_schema, messages_turns],
    *[count_tokens, anthropic_models],
]


def tried(check):
    try:
        check()
        return None
    except Exception:
        return traceback.format_exc()


with ThreadPoolExecutor() as threads:
    faults = list(threads.map(tried, CHECKS))
print(json.dumps({check.__name__: fault for check, fault in zip(CHECKS, faults)}))
