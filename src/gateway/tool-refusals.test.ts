import { expect, test } from 'bun:test'
import { ChatError } from '../chat/error.ts'
import { refusesTools } from './tool-refusals.ts'

const isRefused = (message: string, upstreamStatus = 400, param?: string) =>
  refusesTools(new ChatError('invalid-request', { message, upstreamStatus, ...(param !== undefined && { param }) }))

const refusals: readonly (readonly [message: string, status?: number])[] = [
  ['registry.example/library/gemma3:4b does not support tools'],
  ['No endpoints found that support tool use. To learn more, visit: …', 404],
  ['"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'],
  ['`tool calling` is not supported with this model'],
  ["Unsupported parameter: 'tools'"],
  ['body -> tools Extra inputs are not permitted (type=extra_forbidden)', 422],
  ["This model doesn't support function calling."],
]
for (const [message, status] of refusals)
  test(`"${message}" is a refusal of tools`, () => expect(isRefused(message, status)).toBe(true))

const others: readonly (readonly [message: string, status?: number, param?: string])[] = [
  ["Invalid schema for function 'f': 'oneOf' is not supported", 400, 'tools[0].function.parameters'],
  ['tools.0.custom.name: not permitted'],
  ['The model does not support images.'],
  ['tools are not supported on your plan', 402],
  ['tools: slow down, not available', 429],
  ['An assistant message with tool_calls must be followed by tool messages'],
]
for (const [message, status, param] of others)
  test(`"${message}" (${status ?? 400}) is another refusal`, () =>
    expect(isRefused(message, status, param)).toBe(false))
