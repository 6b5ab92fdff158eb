import { anyObject, listOf, objectOf, oneOf, text } from '../json-schema.ts'

/** The schemas of the responses. */
export const schemas = {
  Health: objectOf({ status: oneOf('ok'), version: text }),
  Readiness: objectOf({
    status: oneOf('ready', 'degraded', 'overloaded'),
    state: oneOf('ok', 'failing'),
    upstreams: oneOf('ok', 'failing', 'used up'),
    'until?': text,
    accounts: oneOf('ok', 'some', 'none'),
    drift: oneOf('none', 'seen'),
    load: oneOf('ok', 'memory', 'event-loop', 'calls'),
    tools: { type: 'object', additionalProperties: text },
  }),
  OpenApi: objectOf({
    openapi: oneOf('3.1.0'),
    info: objectOf({ title: text, version: text }),
    tags: listOf(objectOf({ name: text })),
    paths: { type: 'object', additionalProperties: anyObject },
    components: objectOf({ schemas: anyObject, securitySchemes: anyObject }),
  }),
}
