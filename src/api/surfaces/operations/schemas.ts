import { objectOf, oneOf, text } from '../json-schema.ts'

/** The schemas of the responses. */
export const schemas = {
  Greeting: objectOf({ message: text, version: text }),
  Health: objectOf({ status: oneOf('ok'), version: text }),
  Readiness: objectOf({
    status: oneOf('ready', 'degraded'),
    state: oneOf('ok', 'failing'),
    tools: { type: 'object', additionalProperties: text },
  }),
}
