import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { parametersIn } from '../../dialects/openai-chat/decode-parameters.ts'
import { dialect } from '../../dialects/openai-chat/dialect.ts'
import type { Receipt } from '../../flow/call.ts'
import type { AddedFields } from '../../wire/post-without-refused-fields.ts'
import type { RefusedFields } from '../../wire/refused-fields.ts'

/** What no answer can do without, and tools: a model must not be told less of them than its client was. */
const needed = new Set(['model', 'messages', 'tools', 'tool_choice', 'parallel_tool_calls', 'response_format'])

/** The limit of an answer has two names, of which a server may know one. OpenAI, Chat API reference */
const otherName: Readonly<Record<string, string>> = {
  max_tokens: 'max_completion_tokens',
  max_completion_tokens: 'max_tokens',
}

/**
 * What in a body of this dialect the client did not send, at least not under this name: our wish for usage, a parameter
 * under a service's own name, what a panel asks of its members.
 */
export function addedFields(request: ChatRequest, receipt: Receipt, refused?: RefusedFields): AddedFields {
  const { spelling, model } = request
  const extra = request.extra[dialect] ?? {}
  const isSent = (field: string) => field in extra || Object.values(spelling).some((name) => name === field)
  const isOurs = (field: string, value: unknown) => {
    if (needed.has(field)) return false
    if (field === 'stream') return !request.stream
    // `include_usage` is a wish to us, whoever has it; the rest of them is the client's (decode-request.ts)
    if (field === 'stream_options') return value !== extra.stream_options
    return !isSent(field)
  }
  return {
    fields: (body) => {
      const own = Object.keys(body).filter((field) => isOurs(field, body[field]))
      // the stream itself is given up last
      return own.sort((a, b) => Number(a === 'stream') - Number(b === 'stream'))
    },
    without: (body, field) => {
      const { [field]: value, ...rest } = body
      if (field === 'stream') return without(rest, 'stream_options')
      const sent = extra[field]
      if (field === 'stream_options') return sent === undefined ? rest : { ...rest, [field]: sent }
      const other = otherName[field]
      // told under its other name, unless that is the one that was refused before
      const isNew = other !== undefined && (isSent(other) || field === 'max_completion_tokens')
      noteLoss(request, receipt, { field, isKept: isNew })
      return isNew ? { ...rest, [other]: value } : rest
    },
    // one model may refuse what another of the same upstream takes; usage is the server's own business
    keyOf: (field) => (field === 'stream_options' ? field : `${field} ${model}`),
    ...(refused && { refused }),
  }
}

function without(body: Fields, field: string): Fields {
  const { [field]: _, ...rest } = body
  return rest
}

/** What was sent under another name than the client's is not to be called `mapped` once it is left out. */
function noteLoss(
  { spelling, parameters }: ChatRequest,
  { parameters: noted }: Receipt,
  { field, isKept }: { readonly field: string; readonly isKept: boolean },
): void {
  for (const parameter of parametersIn(parameters)) {
    const name = spelling[parameter]
    if (name !== undefined && renamed[parameter]?.includes(field)) noted.set(name, isKept ? 'mapped' : 'dropped')
  }
}

/** The names that our upstreams have for parameters of other names. */
const renamed: Readonly<Record<string, readonly string[]>> = {
  maxTokens: ['max_tokens', 'max_completion_tokens'],
  seed: ['random_seed'],
}
