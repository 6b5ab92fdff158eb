import { flag, integer, listOf, named, objectOf, oneOf, orNull, text } from '../json-schema.ts'

/** The schemas of the responses. */
export const schemas = {
  Upstream: objectOf({
    name: text,
    address: orNull(text),
    accounts: listOf(objectOf({ label: text, state: text, until: orNull(text), why: orNull(text) })),
  }),
  UpstreamList: objectOf({ object: oneOf('list'), data: listOf(named('Upstream')) }),
  UpstreamTest: objectOf({
    upstream: text,
    accounts: listOf(
      objectOf({
        account: text,
        works: flag,
        model: orNull(text),
        took_ms: integer,
        error: orNull(objectOf({ reason: text, code: text, message: text, retry_after_ms: orNull(integer) })),
      }),
    ),
  }),
}
