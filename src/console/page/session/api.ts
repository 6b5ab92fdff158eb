import { texts } from '../i18n/index.ts'
import { key } from './key.ts'

/** An answer of the gateway that says that something failed, or that it could not be reached (status 0). */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  /** What of the request was wrong: a field, a variable. */
  readonly param: string | undefined
  /** The request in the list of requests; undefined if the gateway was not reached. */
  readonly requestId: string | undefined

  constructor(status: number, { message, code, param, requestId }: ErrorParts) {
    super(message)
    this.status = status
    this.code = code
    this.param = param
    this.requestId = requestId
  }
}

interface ErrorParts {
  readonly message: string
  readonly code: string
  readonly param?: string | undefined
  readonly requestId?: string | undefined
}

interface RequestParts {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** RequestParts as JSON. */
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
  /** Another key than that of the tab. */
  readonly key?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
}

/** Asks this gateway. @throws ApiError */
export async function ask(
  path: string,
  { method = 'GET', body, signal, key: other, headers }: RequestParts = {},
): Promise<Response> {
  const used = other ?? key.value
  const response = await fetch(path, {
    method,
    headers: {
      ...(used !== undefined && { authorization: `Bearer ${used}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
    cache: 'no-store',
  }).catch((thrown: unknown) => {
    if (signal?.aborted) throw thrown
    throw new ApiError(0, { message: texts.value.words.unreachable, code: 'unreachable' })
  })
  if (response.ok) return response
  const error = await errorIn(response)
  if (other === undefined && isAboutKey(error)) refuse(error)
  throw error
}

let refuse: (error: ApiError) => void = () => undefined

/** Calls the listener when the gateway refuses the key of this tab: it was revoked, or its time is over. */
export function onRefusedKey(listener: (error: ApiError) => void): void {
  refuse = listener
}

function isAboutKey({ status, code }: ApiError): boolean {
  return status === 401 || code === 'invalid_api_key' || code === 'key_expired'
}

/** Asks for JSON. The caller says what it is: the gateway and this page are of one version. @throws ApiError */
export async function askJson<Body>(path: string, sent?: RequestParts): Promise<Body> {
  const body: Body = await (await ask(path, sent)).json()
  return body
}

async function errorIn(response: Response): Promise<ApiError> {
  const body:
    | { readonly error?: { readonly message?: unknown; readonly code?: unknown; readonly param?: unknown } }
    | undefined = await response.json().catch(() => undefined)
  const { message, code, param } = body?.error ?? {}
  return new ApiError(response.status, {
    message: typeof message === 'string' ? message : `HTTP ${response.status}`,
    code: typeof code === 'string' ? code : 'unknown',
    param: typeof param === 'string' ? param : undefined,
    requestId: response.headers.get('x-request-id') ?? undefined,
  })
}
