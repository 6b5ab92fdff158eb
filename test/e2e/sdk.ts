import { APIError } from 'openai'

/** Returns the error that the official SDK throws. The test fails if it throws another error or none. */
export async function errorOf(promise: Promise<unknown>): Promise<APIError> {
  const thrown = await promise.then(
    () => 'no error',
    (error: unknown) => error,
  )
  if (thrown instanceof APIError) return thrown
  throw new Error(`no APIError: ${String(thrown)}`)
}

/** Two functions that a model may call. Every emulator calls the ones that follow `call` in the prompt. */
export const weatherAndTime = ['weather', 'time'].map((name) => ({
  type: 'function' as const,
  function: {
    name,
    description: `The ${name}.`,
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
}))

/** The same functions for `runTools`, which runs them. Each returns its name. */
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
