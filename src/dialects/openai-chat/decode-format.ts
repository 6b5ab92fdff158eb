import type { Fields } from '../../chat/message.ts'
import type { ResponseFormat } from '../../chat/request.ts'
import { isFields, nestedRest, rest } from '../fields.ts'
import { faultIn } from '../invalid-request.ts'
import type { Reading } from '../readings.ts'
import { dialect } from './dialect.ts'
import { ownExtra } from './own-extra.ts'
import type { WireFormat } from './schema.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** The name of a schema without a name, because services require one. */
const defaultName = 'response'

export function readFormat(sent: unknown): Reading<ResponseFormat> {
  const parsed = schemas().WireFormat.safeParse(sent)
  if (parsed.success) return { value: decodeFormat(parsed.data) }
  const normalised = schemas().WireFormat.safeParse(
    typeof sent === 'string' ? parseFormatName(sent) : isFields(sent) ? normaliseFormat(sent) : sent,
  )
  if (normalised.success)
    return isDefault(normalised.data) ? { isOdd: true } : { value: decodeFormat(normalised.data), isOdd: true }
  const { path, problem, code } = faultIn(parsed.error)
  return { wrong: problem, code, at: path }
}

function parseFormatName(type: string): Fields {
  return { type: type === 'json' ? 'json_object' : type }
}

/** Accepts a schema beside its `type`, a schema directly in `json_schema`, and a schema without a name. */
function normaliseFormat(sent: Fields): Fields {
  const { type, json_schema: nested, schema, name, strict, description } = sent
  if (type === undefined && nested === undefined && schema === undefined) return { type: 'text' }
  if (type !== 'json_schema' && type !== undefined) return sent
  const inner: Fields = isFields(nested) ? nested : { name, schema, strict, description }
  const isBare = inner.schema === undefined && inner.name === undefined && isSchema(inner)
  const named: Fields = isBare ? { schema: inner } : { ...inner, schema: inner.schema ?? schema }
  if (!isFields(named.schema)) return sent
  return {
    type: 'json_schema',
    json_schema: {
      ...named,
      name: typeof named.name === 'string' ? named.name : defaultName,
      strict: typeof named.strict === 'boolean' ? named.strict : undefined,
      description: typeof named.description === 'string' ? named.description : undefined,
    },
  }
}

function isSchema(value: Fields): boolean {
  return ['type', 'properties', '$ref', 'anyOf', 'oneOf', 'allOf', 'enum'].some((key) => key in value)
}

function isDefault({ type }: WireFormat): boolean {
  return type === 'text'
}

function decodeFormat(format: WireFormat): ResponseFormat {
  const isPlain = !rest(format, ['type'])
  if (format.type === 'text' && isPlain) return { type: 'text' }
  if (format.type === 'json_object' && isPlain) return { type: 'json' }
  const inner = format.json_schema
  if (format.type !== 'json_schema' || !isFields(inner)) return { type: 'foreign', extra: { [dialect]: format } }
  const { schema, description, strict } = inner
  return {
    type: 'json-schema',
    name: String(inner.name),
    ...(isFields(schema) && { schema }),
    ...(typeof description === 'string' && { description }),
    ...(typeof strict === 'boolean' && { strict }),
    ...ownExtra(nestedRest(format, 'json_schema', ['type'], ['name', 'schema', 'description', 'strict'])),
  }
}
