import type { Fields } from '../../chat/message.ts'
import type { ChatRequest, Parameter } from '../../chat/request.ts'
import { isFields } from '../../dialects/fields.ts'
import { dialect } from '../../dialects/openai-responses/dialect.ts'
import { NativeResponse } from '../../dialects/openai-responses/native-response.ts'
import type { Receipt } from '../../flow/call.ts'
import type { AddedFields } from '../../wire/post-without-refused-fields.ts'

/** How a member of the body is left out, and which refusals are about it. */
interface FieldReduction {
  readonly isMeant?: RegExp
  /** The parameter of the client that is lost. */
  readonly loses?: Parameter
}

/** What the gateway adds for every client. `include` and `store` are unknown to some services with this dialect. */
const ours: Readonly<Record<string, FieldReduction>> = {
  include: { isMeant: /\binclude\b|encrypted/i },
  store: { isMeant: /\bstore\b/i },
}

/** What a client of another dialect did not ask for in this form. Only some models take each of them, and refuse the others by name. */
const translated: Readonly<Record<string, FieldReduction>> = {
  ...ours,
  'reasoning.summary': { isMeant: /summar/i },
  reasoning: { isMeant: /reasoning/i, loses: 'reasoningEffort' },
  'text.verbosity': { isMeant: /verbosity/i },
  temperature: { loses: 'temperature' },
  top_p: { loses: 'topP' },
  top_logprobs: { isMeant: /logprobs/i, loses: 'topLogprobs' },
  service_tier: { loses: 'serviceTier' },
  metadata: { loses: 'metadata' },
  user: { loses: 'user' },
  prompt_cache_key: {},
  prompt_cache_retention: {},
  safety_identifier: {},
}

/** The members that may be left out if the service refuses them. A client of this dialect gets the refusals of its own members. */
export function addedFields(request: ChatRequest, receipt: Receipt): AddedFields {
  const { native, model } = request
  const own = native instanceof NativeResponse ? native.value : undefined
  const reductions = request.dialect === dialect ? ours : translated
  return {
    fields: (body) => Object.keys(reductions).filter((name) => isIn(body, name) && !isSame(body[name], own?.[name])),
    without(body, field) {
      const name = reductions[field]?.loses && request.spelling[reductions[field].loses]
      if (name) receipt.parameters.set(name, 'dropped')
      const left = without(body, field)
      return own?.[field] === undefined ? left : { ...left, [field]: own[field] }
    },
    keyOf: (field) => `${field} ${model}`,
    isMeant: (field, refusal) => reductions[field]?.isMeant?.test(refusal),
  }
}

function isSame(value: unknown, sent: unknown): boolean {
  return sent !== undefined && Bun.deepEquals(value, sent)
}

/** Whether a body has a member: `reasoning.summary` is one within another. */
function isIn(body: Fields, path: string): boolean {
  const [outer = '', inner] = path.split('.')
  const value = body[outer]
  if (inner === undefined) return value !== undefined
  return isFields(value) && value[inner] !== undefined
}

function without(body: Fields, path: string): Fields {
  const [outer = '', inner] = path.split('.')
  const { [outer]: value, ...others } = body
  if (inner === undefined || !isFields(value)) return others
  const { [inner]: _, ...rest } = value
  return Object.keys(rest).length > 0 ? { ...others, [outer]: rest } : others
}
