/** What may hold a `null` that means something: what a tool gives back, takes, or describes; an extension's own. */
const kept = new Set(['structuredContent', 'arguments', 'inputSchema', 'outputSchema', 'requestedSchema'])
/** Deeper than this no member is the protocol's own. */
const maxDepth = 12

/**
 * A message without the members that are `null`: many servers write so what they leave out, and the library takes it for
 * a wrong value. Texts, schemas and what tools say stay as they are.
 */
export function withoutNulls(message: unknown): unknown {
  if (!isFields(message)) return Array.isArray(message) ? message.map(withoutNulls) : message
  const { result, error, id, method } = message
  const isEmptyAnswer =
    result === null && (error ?? undefined) === undefined && id !== undefined && method === undefined
  const cleaned = cleanedFields(message, 0)
  return isEmptyAnswer ? { ...cleaned, result: {} } : cleaned
}

function clean(value: unknown, depth: number): unknown {
  if (depth > maxDepth) return value
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1))
  return isFields(value) ? cleanedFields(value, depth) : value
}

function cleanedFields(fields: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [name, isKept(name, fields) ? value : clean(value, depth + 1)]),
  )
}

/** The `data` of a log message is the server's own; that of an error has members like any other. */
function isKept(name: string, fields: Readonly<Record<string, unknown>>): boolean {
  return kept.has(name) || (name === 'data' && 'level' in fields)
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
