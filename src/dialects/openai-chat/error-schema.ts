import type { Fields } from '../../chat/message.ts'

const text = { type: 'string' }

/** The JSON Schema of the result of `encodeError`. */
export const errorSchema: Fields = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: { message: text, type: text, param: { type: ['string', 'null'] }, code: text },
      required: ['message', 'type', 'param', 'code'],
    },
  },
  required: ['error'],
}
