import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { parametersIn } from '../../dialects/openai-chat/decode-parameters.ts'
import { dialect } from '../../dialects/openai-chat/dialect.ts'
import type { Receipt } from '../../flow/call.ts'
import type { AddedFields } from '../../wire/post-without-refused-fields.ts'

/** Fields that are never left out, because the answer would be wrong without them. */
const needed = new Set(['model', 'messages', 'tools', 'tool_choice', 'parallel_tool_calls', 'response_format'])

/** The token limit of an answer has two names, and a server may know only one of them. OpenAI, Chat API reference */
const otherName: Readonly<Record<string, string>> = {
  max_tokens: 'max_completion_tokens',
  max_completion_tokens: 'max_tokens',
}

/**
 * The fields of a body that the client did not send, at least not under this name: the request for usage, a parameter
 * under a service's own name, and parameters that a panel adds.
 */
export function addedFields(request: ChatRequest, receipt: Receipt): AddedFields {
  const { spelling, model } = request
  const extra = request.extra[dialect] ?? {}
  const isSent = (field: string) => field in extra || Object.values(spelling).some((name) => name === field)
  const isOurs = (field: string, value: unknown) => {
    if (needed.has(field)) return false
    if (field === 'stream') return !request.stream
    // `include_usage` is meant for the gateway; other stream options are the client's (decode-request.ts)
    if (field === 'stream_options') return value !== extra.stream_options
    return !isSent(field)
  }
  return {
    fields: (body) => {
      const own = Object.keys(body).filter((field) => isOurs(field, body[field]))
      // `stream` itself is left out last
      return own.sort((a, b) => Number(a === 'stream') - Number(b === 'stream'))
    },
    without: (body, field) => {
      const { [field]: value, ...rest } = body
      if (field === 'stream') return without(rest, 'stream_options')
      const sent = extra[field]
      if (field === 'stream_options') return sent === undefined ? rest : { ...rest, [field]: sent }
      const other = otherName[field]
      // the limit is sent under its other name, unless that was refused before
      const isNew = other !== undefined && (isSent(other) || field === 'max_completion_tokens')
      noteLoss(request, receipt, { field, isKept: isNew })
      return isNew ? { ...rest, [other]: value } : rest
    },
    // models of one upstream may accept different fields, but usage depends only on the server
    keyOf: (field) => (field === 'stream_options' ? field : `${field} ${model}`),
  }
}

function without(body: Fields, field: string): Fields {
  const { [field]: _, ...rest } = body
  return rest
}

/** Corrects the receipt of a renamed parameter: it is `mapped` if it is sent again, and `dropped` if it is left out. */
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

/** Parameters that upstreams may know under another name than the client, and the fields that hold them. */
const renamed: Readonly<Record<string, readonly string[]>> = {
  maxTokens: ['max_tokens', 'max_completion_tokens'],
  seed: ['random_seed'],
}
