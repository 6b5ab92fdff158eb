import type { Fields } from '../chat/message.ts'
import { isFields, typesOf } from './schema/json-types.ts'

/** A tool that nobody can call stays as this one in its list, so that it is counted among those that are not offered. */
const unreadable = { name: '', inputSchema: { type: 'object' } }

/**
 * Reduces each tool of a list to what is read of it. Otherwise the library refuses the whole list of a newer server because
 * of one member of one tool.
 */
export function withReadableTools(message: unknown): unknown {
  if (!isFields(message) || !isFields(message.result) || !Array.isArray(message.result.tools)) return message
  const { result } = message
  const tools = message.result.tools.map((tool) => readable(tool) ?? unreadable)
  return { ...message, result: { ...result, ...hintsOf(result), tools } }
}

function readable(tool: unknown): Fields | undefined {
  if (!isFields(tool) || typeof tool.name !== 'string') return undefined
  const { name, description, inputSchema: schema = {} } = tool
  const { $schema, type, ...others } = isFields(schema) ? schema : {}
  const types = typesOf(type)
  const isOfObjects = types.length === 0 || types.includes('object')
  if (!isOfObjects || (typeof schema !== 'boolean' && !isFields(schema))) return undefined
  const dialect = typeof $schema === 'string' ? { $schema } : {}
  return {
    name,
    ...(typeof description === 'string' && { description }),
    inputSchema: { ...dialect, type: 'object', ...others },
  }
}

/** The hints for caches, which a newer server must send. */
function hintsOf({ resultType, ttlMs, cacheScope }: Fields): Fields {
  if (resultType === undefined) return {}
  return {
    ttlMs: typeof ttlMs === 'number' && Number.isSafeInteger(ttlMs) && ttlMs >= 0 ? ttlMs : 0,
    cacheScope: cacheScope === 'public' ? cacheScope : 'private',
  }
}
