import type { ChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import { redact } from '../../chat/secret.ts'

/** The error object every OpenAI client reads. Known secrets are cut out of whatever an upstream said. */
export function encodeError(error: ChatError): Fields {
  return {
    error: { message: redact(error.message), type: error.meaning.type, param: error.param ?? null, code: error.code },
  }
}
