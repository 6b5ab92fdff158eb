/** Members in which `null` has a meaning: a tool's results, arguments and schemas. */
const dataMembers = new Set(['structuredContent', 'arguments', 'inputSchema', 'outputSchema', 'requestedSchema'])
/** The protocol's own members are never deeper than this. */
const maxDepth = 12

/**
 * Removes members that are `null` from a message: many servers write `null` for an absent member, and the library rejects
 * that. Texts, schemas and results of tools are not changed.
 */
export function withoutNulls(message: unknown): unknown {
  if (!isFields(message)) return Array.isArray(message) ? message.map(withoutNulls) : message
  const { result, error, id, method } = message
  const isEmptyAnswer =
    result === null && (error ?? undefined) === undefined && id !== undefined && method === undefined
  const cleaned = cleanFields(message, 0)
  return isEmptyAnswer ? { ...cleaned, result: {} } : cleaned
}

function cleanValue(value: unknown, depth: number): unknown {
  if (depth > maxDepth) return value
  if (Array.isArray(value)) return value.map((item) => cleanValue(item, depth + 1))
  return isFields(value) ? cleanFields(value, depth) : value
}

function cleanFields(fields: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [name, keepsNulls(name, fields) ? value : cleanValue(value, depth + 1)]),
  )
}

/** Whether the `null`s within a member stay. They stay in the `data` of a log message, but not in the `data` of an error. */
function keepsNulls(name: string, fields: Readonly<Record<string, unknown>>): boolean {
  return dataMembers.has(name) || (name === 'data' && 'level' in fields)
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
