import type { Random } from './random.ts'
import { anyText, type JsonObject, ownMembers } from './words.ts'

/** Generates a message. If it calls tools, their results follow it. */
export function generateMessage(random: Random): JsonObject[] {
  const own = () => (random.chance(0.3) ? ownMembers(random) : {})
  const name = () => (random.chance(0.1) ? { name: 'a_name' } : {})
  switch (random.below(5)) {
    case 0:
      return [{ role: random.pick(['system', 'developer']), content: textContent(random), ...name(), ...own() }]
    case 1:
      return [{ role: 'assistant', content: textContent(random), ...reasoningMembers(random), ...name(), ...own() }]
    case 2:
      return toolMessages(random, own)
    default:
      return [{ role: 'user', content: userContent(random), ...name(), ...own() }]
  }
}

function textContent(random: Random): string | JsonObject[] {
  if (random.chance(0.6)) return anyText(random)
  // a single plain part would leave as a string, so there are two
  return [{ type: 'text', text: anyText(random) }, textPart(random)]
}

function textPart(random: Random): JsonObject {
  return { type: 'text', text: anyText(random), ...ownMembers(random) }
}

function userContent(random: Random): string | JsonObject[] {
  return random.chance(0.5) ? anyText(random) : random.list(1, 3, () => userPart(random))
}

function userPart(random: Random): JsonObject {
  const own = () => ownMembers(random)
  return random.pick<JsonObject>([
    { type: 'text', text: anyText(random), cache_control: { type: 'ephemeral' } },
    { type: 'image_url', image_url: { url: 'https://example.test/a.png', detail: 'high', ...own() }, ...own() },
    { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
    { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav', ...own() }, ...own() },
    { type: 'file', file: { file_id: 'f', ...own() }, ...own() },
    { type: 'file', file: { file_data: 'data:application/pdf;base64,AA==', filename: anyText(random) } },
    { type: 'video_url', video_url: { url: 'https://example.test/a.mp4' }, ...own() },
  ])
}

function reasoningMembers(random: Random): JsonObject {
  return random.pick<JsonObject>([
    {},
    {},
    { reasoning_content: anyText(random) },
    { reasoning: anyText(random), reasoning_details: [{ type: 'reasoning.encrypted', data: 'ZGF0YQ==', index: 0 }] },
    { refusal: anyText(random) },
  ])
}

function toolMessages(random: Random, own: () => JsonObject): JsonObject[] {
  const ids = random.list(1, 3, (at) => `call_${random.below(100_000)}_${at}`)
  const signed = { extra_content: { google: { thought_signature: 'c2ln' } } }
  const calls = ids.map((id, at) => ({
    id,
    type: 'function',
    function: { name: `tool_${at}`, arguments: JSON.stringify({ city: anyText(random) }), ...own() },
    ...(random.chance(0.2) && signed),
  }))
  const content = random.chance(0.5) ? null : anyText(random)
  return [
    { role: 'assistant', content, tool_calls: calls, ...reasoningMembers(random), ...own() },
    ...ids.map((id) => ({ role: 'tool', tool_call_id: id, content: textContent(random), ...own() })),
  ]
}
