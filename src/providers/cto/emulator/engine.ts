import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { verifyJwt } from '../../../sign-in/emulator/jwt.ts'
import type { EmulatedRequest } from '../../../wire/emulator/http.ts'
import { jsonOrUndefined } from '../../../wire/json.ts'
import { type CtoScript, ctoMessage, ctoState, ctoUpdate, playScript } from './script.ts'
import { subscribersOf } from './socket.ts'
import {
  type CtoState,
  type EmulatedReply,
  type EmulatedThread,
  type EmulatedUser,
  emulatedModels,
  emulatedOrigin,
} from './state.ts'

const uuid = z.uuid()
const ChatV1 = z.strictObject({ prompt: z.string().min(1), chatHistoryId: uuid, adapterName: z.string().min(1) })
const ChatV2 = z.strictObject({
  prompt: z.base64().min(1),
  chatHistoryId: uuid,
  encoded: z.literal(true),
  imageUrls: z.array(z.url()).optional(),
})
const Offers = z.strictObject({ chatHistoryId: uuid, surface: z.literal('ENGINE_AGENT') })
const maxBodyBytes = 32 * 1024

/** Answers a request to the API. A request without a valid token is refused. */
export function answerEngine(state: CtoState, request: EmulatedRequest, url: URL): EmulatedReply {
  const { method, headers, body } = request
  if (headers.get('origin') !== emulatedOrigin) return { status: 403, body: { message: 'Wrong origin' } }
  const user = userOf(state, headers.get('authorization') ?? '')
  if (!user) return { status: 401, body: { message: 'Unauthorized' } }
  if (body !== '' && headers.get('content-type') !== 'application/json')
    return { status: 415, body: { message: 'Unsupported media type' } }
  if (state.protocol === 'v2' && body.length > maxBodyBytes)
    return { status: 413, body: { message: 'Payload too large' } }
  const route = `${method} ${url.pathname}`
  if (route === 'POST /engine-agent/chat') return acceptPrompt(state, body, user)
  if (state.protocol === 'v2') return answerV2(state, jsonOrUndefined(body), { user, route })
  return { status: 404, body: { message: 'Not found' } }
}

function userOf({ users, now, signingKey }: CtoState, authorization: string): EmulatedUser | undefined {
  const claims = verifyJwt(authorization.replace(/^Bearer /, ''), signingKey)
  if (!claims || Number(claims.exp) * 1_000 <= now()) return undefined
  return users.find(({ userId, sessions }) => userId === claims.sub && sessions.includes(String(claims.sid)))
}

function answerV2(
  state: CtoState,
  body: unknown,
  { user, route }: { readonly user: EmulatedUser; readonly route: string },
): EmulatedReply {
  switch (route) {
    case 'GET /chat/adapters':
      return { status: 200, body: { chatAdapters: emulatedModels.v2.map(describeAdapter) } }
    case 'GET /billing':
      return { status: 200, body: { tier: 'free', hasReachedLimit: state.options.hasReachedLimit?.() ?? false } }
    case 'PATCH /teams/preferred-model': {
      const { modelKey } = z.strictObject({ modelKey: z.string() }).safeParse(body).data ?? {}
      if (modelKey === undefined) return { status: 500, body: { message: 'Internal server error' } }
      state.models.set(user.organizationId, modelKey)
      return { status: 204 }
    }
    case 'POST /projects/create-hosted': {
      const [projectId, workspaceId] = [randomUUID(), randomUUID()]
      state.threads.set(projectId, { userId: user.userId, workspaceId, prompts: [], sent: [] })
      const project = { message: 'Project created', projectId, projectShortCode: 'SC', workspaceId, workspaceName: 'w' }
      return { status: 201, body: project }
    }
    case 'POST /engine-agent/offers': {
      const offers = Offers.safeParse(body).data
      const isKnown = offers !== undefined && state.threads.has(offers.chatHistoryId)
      return { status: isKnown ? 200 : 404, body: { offers: [] } }
    }
    default:
      return { status: 404, body: { message: 'Not found' } }
  }
}

function describeAdapter(key: string) {
  return {
    key,
    model: key,
    engineAgentKey: key.toUpperCase(),
    provider: 'openai',
    minimumTier: 0,
    enabled: true,
    usageMultiplier: 1,
    supportsImages: true,
  }
}

function acceptPrompt(state: CtoState, body: string, user: EmulatedUser): EmulatedReply {
  const chatBody = readPrompt(state, user, body)
  if (!chatBody) return { status: 400, body: { message: 'Bad request' } }
  const { chatHistoryId, prompt, model } = chatBody
  const chat = { userId: user.userId, chatHistoryId, prompt, model }
  state.chats.push(chat)
  const script = state.options.reply?.(chat)
  const { trigger } = script ?? {}
  if (trigger) return trigger
  const thread = findOrCreateThread(state, user, chatHistoryId)
  if (!thread) return { status: 404, body: { message: 'Chat history not found' } }
  thread.prompts.push(prompt)
  void playScript(subscribersOf(state, chatHistoryId), recordParts(thread, script ?? { body: writeAnswer(prompt) }))
  return { status: 202 }
}

interface Prompt {
  readonly chatHistoryId: string
  readonly prompt: string
  readonly model: string
}

function readPrompt(state: CtoState, user: EmulatedUser, text: string): Prompt | undefined {
  const body = jsonOrUndefined(text)
  if (state.protocol === 'v1') {
    const chatBody = ChatV1.safeParse(body).data
    return chatBody && { ...chatBody, model: chatBody.adapterName }
  }
  const chatBody = ChatV2.safeParse(body).data
  const model = state.models.get(user.organizationId)
  if (!chatBody || model === undefined) return undefined
  return { ...chatBody, prompt: Buffer.from(chatBody.prompt, 'base64').toString(), model }
}

/** Protocol v1 creates a thread for the first prompt of a history. A deleted thread is not created again. */
function findOrCreateThread(state: CtoState, user: EmulatedUser, chatHistoryId: string): EmulatedThread | undefined {
  const known = state.threads.get(chatHistoryId)
  if (known) return known.userId === user.userId ? known : undefined
  const isDeleted = state.chats.filter((chat) => chat.chatHistoryId === chatHistoryId).length > 1
  if (state.protocol === 'v2' || isDeleted) return undefined
  const created = { userId: user.userId, workspaceId: '', prompts: [], sent: [] }
  state.threads.set(chatHistoryId, created)
  return created
}

/** Keeps the parts that are sent, for subscribers that connect later. */
function recordParts(thread: EmulatedThread, script: CtoScript): CtoScript {
  const { body = [] } = script
  return {
    ...script,
    body: (async function* () {
      for await (const part of body) {
        // a test may send parts without end, so only the first are kept
        if (thread.sent.length < 1_000) thread.sent.push(part)
        yield part
      }
    })(),
  }
}

/** The default answer: first the user's message, then `You said: ` with the prompt, word by word. */
function writeAnswer(prompt: string): readonly Uint8Array[] {
  const id = `msg_${Date.now()}_0`
  const words = `You said: ${prompt}`.match(/\s*\S+\s*?/g) ?? []
  return [
    ctoState(true, { cancelled: false, taskId: 'task_1' }),
    ctoUpdate({ id: 'echo', role: 'user', content: [{ type: 'text', text: prompt }] }),
    { type: 'label', label: 'A chat' },
    ...words.map((content) => ctoUpdate({ id, type: 'chat', chat: { content } })),
    ctoState(false),
  ].map(ctoMessage)
}
