import { ChatError } from '../../chat/error.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { jsonOrUndefined } from '../../wire/json.ts'
import { type CtoAccount, sessionOf } from './account.ts'
import { PreferredModel } from './preferred-model.ts'
import { checkLength, encodeV1, encodeV2 } from './request.ts'
import { askApi, type CtoSite } from './site.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** A thread of cto.new. */
export interface CtoThread {
  readonly chatHistoryId: string
  /** Only in the second protocol. */
  readonly workspaceId?: string
}

/** The differences between the two versions of the protocol. Upstreams 2.2 and 2.3 */
export interface Protocol {
  newThread(account: CtoAccount, signal: Cancel): Promise<CtoThread>
  /** @returns undefined for a thread of the other protocol, or of another user */
  readThread(known: string, account: CtoAccount): CtoThread | undefined
  /** Path and query of the socket, which contain the user's id. */
  socketPath(account: CtoAccount, thread: CtoThread): string
  readonly sendsCookie: boolean
  /** Prepares the account for this model. @returns a function to call as soon as the setting no longer matters */
  prepare(account: CtoAccount, model: string, signal: Cancel): Promise<() => void>
  /** Called before each prompt. */
  announce(account: CtoAccount, thread: CtoThread, signal: Cancel): Promise<void>
  /** @throws ChatError `invalid-request` for a prompt that is too long */
  check(prompt: string): void
  encode(model: string, thread: CtoThread, prompt: string): string
}

/** Writes a thread with its owner, because another user's cookie may be set in the same variable later. */
export function writeThread({ chatHistoryId, workspaceId }: CtoThread, account: CtoAccount): string {
  return [chatHistoryId, ownerOf(account), ...(workspaceId === undefined ? [] : [workspaceId])].join(' ')
}

function threadIn(known: string, account: CtoAccount): CtoThread | undefined {
  const [chatHistoryId, owner, workspaceId] = known.split(' ')
  if (!chatHistoryId || owner !== ownerOf(account)) return undefined
  return { chatHistoryId, ...(workspaceId && { workspaceId }) }
}

/** A hash that identifies the user. The id itself is secret, because it opens the socket. */
function ownerOf(account: CtoAccount): string {
  return new Bun.CryptoHasher('sha256').update(sessionOf(account).userId.reveal()).digest('hex').slice(0, 16)
}

export const protocolV1: Protocol = {
  // the service makes the history when it is first used
  newThread: async (_account, { runtime }) => ({ chatHistoryId: runtime.newId() }),
  readThread(known, account) {
    const thread = threadIn(known, account)
    return thread?.workspaceId === undefined ? thread : undefined
  },
  socketPath: (account, { chatHistoryId }) => `${streamPath(chatHistoryId)}?token=${userOf(account)}`,
  sendsCookie: false,
  prepare: async () => () => undefined,
  announce: async () => undefined,
  check: () => undefined,
  encode: (model, { chatHistoryId }, prompt) => encodeV1(model, chatHistoryId, prompt),
}

export function protocolV2(site: CtoSite): Protocol {
  const lanes = new Map<string, PreferredModel>()
  return {
    newThread: (account, signal) => createProject(site, account, signal),
    readThread(known, account) {
      const thread = threadIn(known, account)
      return thread?.workspaceId === undefined ? undefined : thread
    },
    socketPath(account, { chatHistoryId, workspaceId = '' }) {
      const token = `${userOf(account)}:${encodeURIComponent(sessionOf(account).organizationId ?? '')}`
      return `${streamPath(chatHistoryId)}?token=${token}&workspaceId=${encodeURIComponent(workspaceId)}`
    },
    sendsCookie: true,
    async prepare(account, model, signal) {
      const lane = lanes.get(account.label) ?? new PreferredModel()
      lanes.set(account.label, lane)
      const leave = await lane.enter(model, signal)
      try {
        const body = JSON.stringify({ modelKey: model })
        await askApi(site, account, { method: 'PATCH', path: '/teams/preferred-model', body }, signal)
        return leave
      } catch (thrown) {
        leave()
        throw thrown
      }
    },
    async announce(account, { chatHistoryId }, signal) {
      const body = JSON.stringify({ chatHistoryId, surface: 'ENGINE_AGENT' })
      await askApi(site, account, { method: 'POST', path: '/engine-agent/offers', body }, signal)
    },
    check: checkLength,
    encode: (_model, { chatHistoryId }, prompt) => encodeV2(chatHistoryId, prompt),
  }
}

function streamPath(chatHistoryId: string): string {
  return `/engine-agent/chat-histories/${encodeURIComponent(chatHistoryId)}/buffer/stream`
}

function userOf(account: CtoAccount): string {
  return encodeURIComponent(sessionOf(account).userId.reveal())
}

async function createProject(site: CtoSite, account: CtoAccount, signal: Cancel): Promise<CtoThread> {
  const projectName = `scratch-${signal.runtime.newId().slice(0, 8)}`
  const body = JSON.stringify({ projectName })
  const text = await askApi(site, account, { method: 'POST', path: '/projects/create-hosted', body }, signal)
  const project = schemas().CtoProject.safeParse(jsonOrUndefined(text)).data
  if (project) return { chatHistoryId: project.projectId, workspaceId: project.workspaceId }
  throw new ChatError('upstream-failed', {
    message: 'The upstream made a project in an unknown shape.',
    code: 'upstream_bad_response',
  })
}
