import type { ChatRequest, Parameter } from '../../chat/request.ts'
import type { Receipt } from '../../flow/call.ts'
import type { AddedFields } from '../../wire/post-without-refused-fields.ts'

/** Cohere's fields that are made from a parameter with another name, and that are not essential for an answer. */
const mapped: Readonly<Record<string, Parameter>> = {
  p: 'topP',
  stop_sequences: 'stop',
  thinking: 'reasoningEffort',
}

/**
 * The mapped fields that the client did not send under Cohere's name. They are left out if the service refuses them: a
 * model without reasoning refuses `thinking`.
 */
export function mappedFields({ spelling, extra, model }: ChatRequest, receipt: Receipt): AddedFields {
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
  }
}
