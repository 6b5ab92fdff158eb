import {
  anyOf,
  type JsonSchema,
  listOf,
  meaningful,
  named,
  objectOf,
  oneOf,
  orNull,
  text,
  wholeFrom,
} from '../json-schema.ts'

const count = wholeFrom(1, Number.MAX_SAFE_INTEGER)
const day = { type: 'string', format: 'date' }
const time = { type: 'string', format: 'date-time' }
const money: JsonSchema = { type: 'string', pattern: '^(\\$[1-9][0-9]{0,4}|[1-9][0-9]{0,4} USD)(/(day|month))?$' }
const tokens: JsonSchema = { type: 'string', pattern: '^[1-9][0-9]{0,13} tokens?(/(day|month))?$' }

const patterns = { ...listOf(meaningful), minItems: 1, maxItems: 1_000 }
/** The same as one text, with commas. */
const written: JsonSchema = { type: 'string', pattern: '^\\s*[^\\s\\uFEFF,][^,]*(,\\s*[^\\s\\uFEFF,][^,]*)*$' }

/** What can be set for a client key (`keys/named-key.ts`). Other spellings of a budget and a time are read too. */
const settings = {
  'models?': anyOf(patterns, written, { type: 'null' }),
  ...{ 'rpm?': orNull(count), 'tpm?': orNull(count), 'concurrent?': orNull(count) },
  'budget?': anyOf(money, tokens, { type: 'null' }),
  'expires?': anyOf(day, time, { type: 'null' }),
  'role?': orNull(oneOf('user', 'admin')),
  'owner?': orNull(meaningful),
}

/** A key as it is shown. */
const shown = {
  name: text,
  ...{ 'models?': listOf(text), 'rpm?': count, 'tpm?': count, 'concurrent?': count },
  ...{ 'budget?': text, 'expires?': text, 'owner?': text },
  ...{ role: oneOf('user', 'admin'), source: oneOf('file', 'state'), created: orNull(text) },
}

const name: JsonSchema = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_.@+-]{0,63}$' }

/** The schemas of the routes for client keys. */
export const keySchemas = {
  NewClientKey: { ...objectOf({ name, ...settings }), additionalProperties: false },
  ClientKeyChanges: { ...objectOf(settings), additionalProperties: false },
  ClientKey: objectOf(shown),
  AddedClientKey: objectOf({ ...shown, key: text }),
  ClientKeyList: objectOf({ object: oneOf('list'), data: listOf(named('ClientKey')) }),
  RevokedClientKey: objectOf({ name: text, deleted: { type: 'boolean' } }),
}
