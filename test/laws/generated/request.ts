import { generateMessage } from './message.ts'
import type { Random } from './random.ts'
import { anyText, type Json, type JsonObject, ownMembers } from './words.ts'

/** Generates the body of a request in OpenAI's dialect, with some documented members and some unknown ones. */
export function generateRequest(random: Random): JsonObject {
  const known = Object.entries(parameters(random)).filter(() => random.chance(0.2))
  const tools = random.chance(0.4) ? toolMembers(random) : {}
  const stream = random.chance(0.3) ? { stream: true, stream_options: { include_obfuscation: false } } : {}
  const members: (readonly [string, Json])[] = [
    ['messages', random.list(1, 4, () => generateMessage(random)).flat()],
    ...known,
    ...Object.entries({ ...tools, ...stream }),
    ...Object.entries(ownMembers(random, 3)),
  ]
  return Object.fromEntries(random.shuffled(members))
}

/** Each documented parameter with a value. https://platform.openai.com/docs/api-reference/chat/create */
function parameters(random: Random): JsonObject {
  return {
    audio: { voice: 'alloy', format: 'wav' },
    frequency_penalty: random.pick([-0.5, 0, 1.5]),
    function_call: { name: 'f' },
    functions: [{ name: 'f', description: anyText(random), parameters: { type: 'object', properties: {} } }],
    logit_bias: { '50256': -100, '7': 1 },
    logprobs: random.chance(0.5),
    max_completion_tokens: random.below(5000) + 1,
    max_tokens: random.below(5000) + 1,
    metadata: { team: anyText(random), ...ownMembers(random) },
    modalities: ['text', 'audio'],
    n: random.pick([1, 2]),
    prediction: { type: 'content', content: [{ type: 'text', text: anyText(random) }] },
    presence_penalty: random.pick([0, 0.1]),
    prompt_cache_key: anyText(random),
    reasoning_effort: random.pick(['minimal', 'low', 'an effort to come']),
    response_format: responseFormat(random),
    safety_identifier: 's',
    seed: random.pick([0, 7, -1]),
    service_tier: random.pick(['flex', 'a tier to come']),
    stop: random.pick<Json>(['END', ['a', 'b']]),
    store: random.chance(0.5),
    temperature: random.pick([0, 0.7, 1]),
    top_k: 5,
    top_logprobs: random.below(5),
    top_p: random.pick([1, 0.5]),
    verbosity: 'low',
    web_search_options: { search_context_size: 'low', ...ownMembers(random) },
  }
}

function responseFormat(random: Random): JsonObject {
  const schema = { type: 'object', properties: { a: { type: 'string', default: null } }, $defs: ownMembers(random) }
  return random.pick<JsonObject>([
    { type: 'text' },
    { type: 'json_object', ...ownMembers(random) },
    {
      type: 'json_schema',
      ...ownMembers(random),
      json_schema: { name: 'n', strict: true, schema, ...ownMembers(random) },
    },
    { type: 'a format to come', ...ownMembers(random) },
  ])
}

function toolMembers(random: Random): JsonObject {
  const tools = random.list(1, 3, (at) => toolOf(random, at))
  const choices: readonly Json[] = ['auto', 'none', 'required', { type: 'function', function: { name: 'tool_0' } }]
  return {
    tools,
    ...(random.chance(0.5) && { tool_choice: choices[random.below(choices.length)] ?? 'auto' }),
    ...(random.chance(0.3) && { parallel_tool_calls: random.chance(0.5) }),
  }
}

function toolOf(random: Random, at: number): JsonObject {
  const parameters = {
    type: 'object',
    properties: { city: { type: 'string', description: anyText(random), ...ownMembers(random) } },
    additionalProperties: false,
  }
  const called = { name: `tool_${at}`, description: anyText(random), parameters, ...ownMembers(random) }
  if (at === 0 || random.chance(0.7)) return { type: 'function', function: called, ...ownMembers(random) }
  return random.pick<JsonObject>([
    { type: 'custom', custom: { name: `tool_${at}`, format: { type: 'text' }, ...ownMembers(random) } },
    { type: 'a_tool_to_come', ...ownMembers(random) },
  ])
}
