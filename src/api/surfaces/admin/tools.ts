import { ChatError } from '../../../chat/error.ts'
import type { Fields, ImagePart } from '../../../chat/message.ts'
import { redact } from '../../../chat/secret.ts'
import { isFields } from '../../../dialects/fields.ts'
import { notABody } from '../../../dialects/invalid-request.ts'
import type { Call } from '../../../flow/call.ts'
import { events } from '../../../flow/flow.ts'
import { within } from '../../../flow/wait.ts'
import type { DirectTools } from '../../../gateway/direct-tools.ts'
import { checkArguments } from '../../../gateway/tool-loop/read-arguments.ts'
import type { CallOutcome } from '../../../gateway/tool-loop/run-call.ts'
import type { Tool, ToolServerDetails } from '../../../tools/tool.ts'
import { answerJson } from '../../exchange/answer-json.ts'
import type { SurfaceRoute } from '../surface.ts'

const shared = { access: 'admin', cors: false } as const

/** Milliseconds for which the answer to a restart waits for its end. A command may have to be downloaded first. */
const restartMs = 15_000

/** The routes for the tool servers. */
export const toolRoutes: readonly SurfaceRoute[] = [
  {
    ...shared,
    method: 'GET',
    path: '/admin/tools',
    summary: 'Lists the tool servers, their state and their tools',
    gives: 'ToolServers',
    handler: answerJson(async (_request, { signal }, { tools }) => ({
      body: { servers: (await tools.inspect(signal)).map(encodeServer) },
    })),
  },
  {
    ...shared,
    method: 'POST',
    path: '/admin/tools/{name}/call',
    summary: 'Runs a tool once, within the limits of the tool loop',
    takes: 'ToolTrial',
    gives: 'ToolTrialResult',
    fails: ['not-found'],
    handler: answerJson(async (request, call, { gateway }) => {
      const args = argumentsIn(await request.json())
      const tool = await gateway.tools?.find(request.param('name') ?? '', call)
      if (!gateway.tools || !tool) throw unknownTool()
      const startedAt = call.signal.runtime.elapsed()
      const outcome = await run(gateway.tools, tool, { args, call })
      return { body: { ...encodeOutcome(outcome), took_ms: Math.round(call.signal.runtime.elapsed() - startedAt) } }
    }),
  },
  {
    ...shared,
    method: 'POST',
    path: '/admin/tool-servers/{name}/restart',
    summary: 'Ends the connection or process of a tool server, and connects again',
    gives: 'ToolServerDetails',
    fails: ['not-found'],
    handler: answerJson(async (request, { signal }, { tools }) => {
      const name = request.param('name') ?? ''
      const restarting = tools.restart(name)
      if (!restarting) throw unknownServer()
      await within(restarting, restartMs, signal)
      const details = (await tools.inspect(signal)).find(({ state }) => state.name === name)
      if (!details) throw unknownServer()
      return { body: encodeServer(details) }
    }),
  },
]

/** @throws ChatError `invalid-request` */
function argumentsIn(body: unknown): Fields {
  if (!isFields(body)) throw notABody('the "arguments" of the tool')
  const read = checkArguments(body.arguments ?? {})
  if ('fields' in read) return read.fields
  throw new ChatError('invalid-request', {
    message: `arguments: ${read.problem} Send {"arguments": {…}} with what the tool's parameters describe.`,
    param: 'arguments',
    code: 'invalid_value',
  })
}

interface Trial {
  readonly args: Fields
  readonly call: Call
}

async function run(tools: DirectTools, tool: Tool, { args, call }: Trial): Promise<CallOutcome> {
  for await (const event of events(tools.run(tool, args, call))) if (event.type === 'outcome') return event.outcome
  throw new ChatError('internal', { message: 'The tool ended without an outcome. Report this as a defect.' })
}

function encodeServer({ state, tools }: ToolServerDetails) {
  const { name, transport, status, since, why, stderr } = state
  return {
    name,
    transport,
    status,
    since: since === undefined ? null : new Date(since).toISOString(),
    why: why === undefined ? null : redact(why),
    stderr: stderr === undefined ? null : redact(stderr),
    tools: tools.map(({ name, description = null, parameters }) => ({ name, description, parameters })),
  }
}

function encodeOutcome({ content, images = [], isError, isCut, structured }: CallOutcome) {
  return {
    content,
    images: images.flatMap(encodeImage),
    is_error: isError,
    is_cut: isCut,
    structured: structured ?? null,
  }
}

function encodeImage({ url }: ImagePart) {
  const [, mediaType, data] = /^data:([^;,]+);base64,(.*)$/s.exec(url) ?? []
  return data === undefined ? [] : [{ media_type: mediaType, data }]
}

function unknownTool(): ChatError {
  return new ChatError('not-found', {
    message: 'There is no such tool, or its server cannot be reached. GET /admin/tools lists those that can be called.',
  })
}

function unknownServer(): ChatError {
  return new ChatError('not-found', {
    message:
      'There is no such tool server that could be restarted. GET /admin/tools lists them; "builtin" is the gateway itself.',
  })
}
