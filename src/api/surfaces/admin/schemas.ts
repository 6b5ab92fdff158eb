import { flag, integer, listOf, named, number, objectOf, oneOf, orNull, text } from '../json-schema.ts'

const usageLine = objectOf({
  requests: integer,
  failed: integer,
  answers: integer,
  input_tokens: integer,
  cached_tokens: integer,
  missed_tokens: integer,
  cache_write_tokens: integer,
  output_tokens: integer,
  reasoning_tokens: integer,
  estimated_answers: integer,
  cost_usd: orNull(number),
  unknown_costs: integer,
  saved_usd: number,
})

const patterns = listOf(text)

/** What can be set for a client key. */
const settings = {
  'models?': patterns,
  'rpm?': integer,
  'tpm?': integer,
  'concurrent?': integer,
  'budget?': text,
  'expires?': text,
  'role?': oneOf('user', 'admin'),
  'owner?': text,
}
const clientKey = {
  name: text,
  ...settings,
  role: oneOf('user', 'admin'),
  source: oneOf('file', 'state'),
  created: orNull(text),
}

const breaker = { state: oneOf('good', 'mistrusted', 'ejected'), ejected_ms: integer }

/** The schemas of the requests and responses. */
export const schemas = {
  NewClientKey: objectOf({ name: text, ...settings }),
  ClientKeyChanges: objectOf(
    Object.fromEntries(Object.entries(settings).map(([name, schema]) => [name, orNull(schema)])),
  ),
  ClientKey: objectOf(clientKey),
  AddedClientKey: objectOf({ ...clientKey, key: text }),
  ClientKeyList: objectOf({ object: oneOf('list'), data: listOf(named('ClientKey')) }),
  RevokedClientKey: objectOf({ name: text, deleted: flag }),
  Upstream: objectOf({
    name: text,
    address: orNull(text),
    breaker: objectOf({ ...breaker, models: listOf(objectOf({ model: text, ...breaker })) }),
    accounts: listOf(objectOf({ label: text, state: text, until: orNull(text), why: orNull(text) })),
  }),
  UpstreamList: objectOf({ object: oneOf('list'), data: listOf(named('Upstream')) }),
  Usage: objectOf({
    object: oneOf('usage'),
    from: text,
    to: text,
    by: oneOf('day', 'model', 'upstream', 'key'),
    prices: objectOf({ package: text, version: text, date: text }),
    data: listOf(usageLine),
    total: usageLine,
  }),
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
