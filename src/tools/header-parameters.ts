import type { Fields } from '../chat/message.ts'
import { isFields } from './schema/json-types.ts'

/** A parameter of a tool that is sent in a header too. MCP 2026-07-28, basic/transports/streamable-http */
export interface HeaderParameter {
  /** The names of the properties that lead to it. */
  readonly path: readonly string[]
  /** The header's name after `Mcp-Param-`. */
  readonly header: string
}

const keyword = 'x-mcp-header'
const types: readonly unknown[] = ['string', 'integer', 'boolean']
/** A token of RFC 9110, section 5.6.2. */
const token = /^[\w!#$%&'*+.^`|~-]+$/
/** Keywords whose values are data. */
const literals = new Set(['default', 'const', 'enum', 'examples'])

/** Returns the parameters that are sent in headers; undefined if the schema breaks a rule about them. */
export function headerParameters(schema: unknown): readonly HeaderParameter[] | undefined {
  const found: HeaderParameter[] = []
  const isValid = visit(schema, [], found)
  const names = new Set(found.map(({ header }) => header.toLowerCase()))
  return isValid && names.size === found.length ? found : undefined
}

/** @param path undefined below anything but `properties`, where no value can be found for certain */
function visit(schema: unknown, path: readonly string[] | undefined, found: HeaderParameter[]): boolean {
  if (Array.isArray(schema)) return schema.every((item) => visit(item, undefined, found))
  if (!isFields(schema)) return true
  if (keyword in schema) {
    const header = schema[keyword]
    const isAllowed = path !== undefined && path.length > 0 && types.includes(schema.type)
    if (!isAllowed || typeof header !== 'string' || !token.test(header)) return false
    found.push({ path, header })
  }
  return Object.entries(schema).every(([name, inner]) => {
    if (literals.has(name)) return true
    if (name !== 'properties' || !isFields(inner)) return visit(inner, undefined, found)
    return Object.entries(inner).every(([property, one]) => visit(one, path && [...path, property], found))
  })
}

/** The headers of a call. */
export function headersOfCall(parameters: readonly HeaderParameter[], args: Fields): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const { path, header } of parameters) {
    const value = path.reduce<unknown>((inner, name) => (isFields(inner) ? inner[name] : undefined), args)
    if (typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value))
      headers[`Mcp-Param-${header}`] = encodeHeader(String(value))
  }
  return headers
}

/** Encodes a value that a header cannot contain as it is, or that looks encoded. */
function encodeHeader(value: string): string {
  const isPlain = /^[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !/^=\?base64\?.*\?=$/.test(value)
  return isPlain ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`
}
