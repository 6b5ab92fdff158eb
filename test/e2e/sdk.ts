import { APIError } from 'openai'

/** The error that the official SDK throws; anything else it does is one of the test. */
export async function errorOf(promise: Promise<unknown>): Promise<APIError> {
  const thrown = await promise.then(
    () => 'no error',
    (error: unknown) => error,
  )
  if (thrown instanceof APIError) return thrown
  throw new Error(`no APIError: ${String(thrown)}`)
}

/** Two functions that a model may call. Every emulator calls those whose names follow `call`. */
export const weatherAndTime = ['weather', 'time'].map((name) => ({
  type: 'function' as const,
  function: {
    name,
    description: `The ${name}.`,
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
}))

/** The same for `runTools`, which calls them itself: each says its name. */
export const runnable = ['weather', 'time'].map((name) => ({
  type: 'function' as const,
  function: {
    name,
    description: name,
    parameters: { type: 'object' },
    parse: JSON.parse,
    function: () => `${name}!`,
  },
}))
