import type { ChatRequest, Parameter } from '../../chat/request.ts'
import type { Receipt } from '../../flow/call.ts'
import type { AddedFields } from '../../wire/post-without-refused-fields.ts'
import type { RefusedFields } from '../../wire/refused-fields.ts'

/** Cohere's fields that are made of a parameter of another name, and that an answer can do without. */
const mapped: Readonly<Record<string, Parameter>> = {
  p: 'topP',
  stop_sequences: 'stop',
  thinking: 'reasoningEffort',
}

/** What no client has sent under this name: a model that thinks in no way of its own refuses `thinking`. */
export function mappedFields(
  { spelling, extra, model }: ChatRequest,
  { receipt, refused }: { readonly receipt: Receipt; readonly refused: RefusedFields },
): AddedFields {
  return {
    fields: (body) => Object.keys(body).filter((field) => field in mapped && !(field in extra)),
    without: (body, field) => {
      const parameter = mapped[field]
      const name = parameter && spelling[parameter]
      if (name) receipt.parameters.set(name, 'dropped')
      const { [field]: _, ...rest } = body
      return rest
    },
    keyOf: (field) => `${field} ${model}`,
    refused,
  }
}
