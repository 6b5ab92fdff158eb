/** How the mock upstream answers a request. The request's `model` chooses the script. */
export type Script = {
  readonly sendsHead: boolean
  readonly tokens: number
  /** The time between two tokens. With 0 the tokens come as fast as the client reads. */
  readonly everyMs: number
  /** If false, the answer stays open and silent after its last token. */
  readonly ends: boolean
}

const scripts: ReadonlyMap<string, Script> = new Map([
  ['json', { sendsHead: true, tokens: 20, everyMs: 0, ends: true }],
  ['burst', { sendsHead: true, tokens: 20, everyMs: 0, ends: true }],
  ['flood', { sendsHead: true, tokens: 5_000, everyMs: 0, ends: true }],
  ['long-flood', { sendsHead: true, tokens: 50_000, everyMs: 0, ends: true }],
  ['short-5ms', { sendsHead: true, tokens: 50, everyMs: 5, ends: true }],
  ['paced-1ms', { sendsHead: true, tokens: Number.POSITIVE_INFINITY, everyMs: 1, ends: true }],
  ['paced-5ms', { sendsHead: true, tokens: Number.POSITIVE_INFINITY, everyMs: 5, ends: true }],
  ['first-then-silent', { sendsHead: true, tokens: 1, everyMs: 0, ends: false }],
  ['silent', { sendsHead: true, tokens: 0, everyMs: 0, ends: false }],
  ['silent-head', { sendsHead: false, tokens: 0, everyMs: 0, ends: false }],
])

export const mockModels: readonly string[] = [...scripts.keys()]

/** Returns names of models that only fill the list. They have no script. */
export function manyModels(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `model-${index + 1}`)
}

/** A model of the gateway that asks several models of the mock at once. */
export const mockPanel = { name: 'panel', members: ['short-5ms', 'short-5ms', 'short-5ms'] } as const

export function scriptOf(model: string): Script | undefined {
  return scripts.get(model)
}
