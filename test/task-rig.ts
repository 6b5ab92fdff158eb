import OpenAI, { APIError } from 'openai'
import { emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import type { EmulatedTasks } from '../src/providers/openai-compatible/emulator/tasks.ts'
import { startGateway } from './chaos/gateway.ts'

interface RigOptions {
  readonly tasks?: EmulatedTasks
  /** The keys of the upstream's accounts, of which it accepts those that begin with `good`. */
  readonly keys?: readonly string[]
  /** More variables of the gateway. */
  readonly variables?: Readonly<Record<string, string>>
}

/** The whole program before an emulated OpenAI called `lab`, and the official client of it. */
export async function startTasks({ tasks, keys = [], variables = {} }: RigOptions = {}) {
  const accepted = keys.filter((key) => key.startsWith('good'))
  const emulator = await emulateOpenai({ ...(tasks && { tasks }), ...(accepted.length > 0 && { keys: accepted }) })
  const named = Object.fromEntries(keys.map((key, at) => [`UPSTREAM_LAB_KEY_${at + 1}`, key]))
  const gateway = startGateway({ UPSTREAM_LAB_URL: emulator.url, ...named, ...variables })
  return {
    emulator,
    gateway,
    openai: new OpenAI({ apiKey: 'none', baseURL: `${gateway.url}/v1`, maxRetries: 0 }),
    /** The bodies that the upstream got at this path, as JSON. */
    bodiesAt: (path: string): unknown[] =>
      emulator.requests.filter((one) => one.path === `/v1${path}`).map(({ body }) => JSON.parse(body)),
    /** Posts a value, or a body that is ready. */
    post: (path: string, body: unknown, headers: Record<string, string> = {}) =>
      fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
      }),
    async close() {
      await gateway.close()
      await emulator.close()
    },
  }
}

/** The error that the client throws. */
export async function errorFrom(promise: Promise<unknown>): Promise<APIError> {
  const thrown: unknown = await promise.then(
    () => new Error('There was no error.'),
    (error: unknown) => error,
  )
  if (thrown instanceof APIError) return thrown
  throw thrown
}
