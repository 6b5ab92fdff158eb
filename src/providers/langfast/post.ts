import { ChatError } from '../../chat/error.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { SupabaseSession } from '../../sign-in/session.ts'
import type { SupabaseProject } from '../../sign-in/supabase.ts'
import { send } from '../../wire/http.ts'
import { isPage, pageError, refusal, statusError, type UpstreamComplaint } from '../../wire/http-status.ts'
import { jsonOrUndefined } from '../../wire/json.ts'
import { writeJson } from '../../wire/write-json.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

export interface Posted {
  readonly project: SupabaseProject
  readonly userAgent: string
  readonly session: SupabaseSession
  /** The path at the project's origin. */
  readonly path: string
  readonly body: unknown
}

const maxReplyBytes = 256 * 1024

/**
 * Posts JSON to the project as its user.
 * @returns the reply's JSON; undefined for a success without a body, or without JSON
 * @throws ChatError for a refusal, by its status
 */
export async function post({ project, userAgent, session, path, body }: Posted, signal: Cancel): Promise<unknown> {
  const headers = {
    apikey: project.anonKey.secret.reveal(),
    authorization: `Bearer ${session.accessToken.reveal()}`,
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': userAgent,
  }
  const request = { method: 'POST', url: project.url + path, headers, body: await writeJson(body) } as const
  const reply = await send(request, signal)
  if (reply.status < 200 || reply.status >= 300)
    throw explainKeyError(await refusal(reply, readComplaint), project.anonKey.name)
  const text = await reply.text(maxReplyBytes)
  if (isPage(reply.headers, text)) throw pageError(reply, text)
  const answer = jsonOrUndefined(text)
  // no answer will come after a success with an error inside
  if (schemas().Complaint.safeParse(answer).data?.error) throw statusError(reply, readComplaint(answer))
  return answer
}

/**
 * The project's proxy refuses a wrong key with the same status as a wrong token. Only its message shows which one is
 * wrong.
 */
function explainKeyError(refused: ChatError, variable: string): ChatError {
  if (refused.upstreamStatus !== 401 || !/\bAPI key\b/i.test(refused.message)) return refused
  return new ChatError('upstream-failed', {
    message: `The upstream refused the project's key: check ${variable}.`,
    code: 'upstream_configuration',
    upstreamStatus: 401,
  })
}

/**
 * PostgREST: `{code, details, hint, message}`; edge functions: `{error}` or `{message}`; the proxy: `{code, message}`
 */
function readComplaint(body: unknown): UpstreamComplaint {
  const complaint = schemas().Complaint.safeParse(body).data
  const error = typeof complaint?.error === 'object' ? complaint.error?.message : complaint?.error
  const message = complaint?.message ?? error ?? complaint?.msg
  return message ? { message } : {}
}

/** The error for a success without a required value. */
export function badReply(what: string): ChatError {
  return new ChatError('upstream-failed', {
    message: `The upstream answered without ${what}.`,
    code: 'upstream_bad_response',
  })
}
