"""Reads values of the Responses API, one JSON text a line, and prints the fault of each that Open Responses' types refuse."""

import json
import sys

import openresponses_types as types
from pydantic import BaseModel, ValidationError


def type_names(model: type[BaseModel]) -> list[str]:
    """The values that the member `type` of a model may have."""
    field = model.model_fields.get("type")
    return [member.value for member in field.annotation] if field else []


EVENTS = {
    name: model
    for model in vars(types).values()
    if isinstance(model, type) and issubclass(model, BaseModel) and model.__name__.endswith("StreamingEvent")
    for name in type_names(model)
}
ITEMS = {"message", "function_call", "function_call_output", "reasoning", "compaction"}
# OpenAI's own, which Open Responses does not have: tools that take a text
OPENAI_EVENTS = {"response.custom_tool_call_input.delta", "response.custom_tool_call_input.done"}


def without_openai_extensions(value: dict) -> dict | None:
    """Leaves out the tools and items that only OpenAI has. Returns nothing if nothing else is left."""
    if value.get("type") in OPENAI_EVENTS or value.get("item", {}).get("type", "message") not in ITEMS:
        return None
    if "response" in value:
        return {**value, "response": without_openai_extensions(value["response"])}
    if value.get("object") != "response":
        return value
    return {
        **value,
        "tools": [tool for tool in value["tools"] if tool["type"] == "function"],
        "output": [item for item in value["output"] if item["type"] in ITEMS],
    }


def model_of(value: dict) -> type[BaseModel]:
    if value.get("object") == "response":
        return types.ResponseResource
    if value.get("object") == "response.compaction":
        return types.CompactResource
    return EVENTS[value["type"]]


def main() -> None:
    for number, line in enumerate(sys.stdin):
        value = without_openai_extensions(json.loads(line))
        if value is None:
            continue
        try:
            model_of(value).model_validate_json(json.dumps(value), strict=True)
        except (KeyError, ValidationError) as error:
            print(json.dumps({"number": number, "fault": str(error)[:500]}))


main()
