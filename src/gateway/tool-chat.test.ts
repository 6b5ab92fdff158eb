import { expect, test } from 'bun:test'
import { ChatError } from '../chat/error.ts'
import type { ChatRequest } from '../chat/request.ts'
import type { Chat } from '../flow/chat.ts'
import { events } from '../flow/flow.ts'
import type { Upstream } from '../providers/provider.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import { machine, newCancel } from '../wire/machine.double.ts'
import { aCall, aRequest, chatOf, drain, finish, type LogLine, silence, text } from './chat.double.ts'
import { openLoneGateway } from './gateway.double.ts'
import { toolLimits } from './tool-loop/limits.ts'
import { calling, createModel, createRegistry, createTool } from './tool-loop/tools.double.ts'

function lab(chat: Chat, takesTools: boolean): Upstream {
  return {
    name: 'lab',
    baseUrl: 'http://Lab.example:80/v1',
    accounts: [{ label: 'lab', credential: undefined }],
    support: { parameters: takesTools ? { tools: 'honoured' } : {} },
    models: [{ id: 'model' }],
    chat,
  }
}

function open(chat: Chat, { takesTools = true, maxCalls = 10 } = {}) {
  return openLoneGateway({
    runtime: machine,
    upstreams: [lab(chat, takesTools)],
    routes: [{ name: 'panel', tree: { kind: 'panel', members: [{ kind: 'model', name: 'lab/model' }] } }],
    deadlines: { firstEventMs: 60_000, wholeMs: 60_000, idleMs: 60_000 },
    store: new MemoryStore({ runtime: machine }),
    threadTtlMs: 60_000,
    maxCalls,
    log: aCall().log,
    tools: {
      registry: createRegistry(createTool('lab__big', () => 'x'.repeat(9_000))),
      limits: toolLimits,
      summaryModel: 'lab/summary',
    },
  })
}

const plainAnswer = [text('Said.'), finish()]
const toolsOf = ({ parameters: { tools = [] } }: ChatRequest) => tools.map(({ name }) => name)

test('a model that supports tools is offered those that the caller wants, and a panel is offered none', async () => {
  for (const [model, takesTools, useTools, offered] of [
    ['lab/model', true, true, ['lab__big']],
    ['model', true, true, ['lab__big']],
    ['lab/model', false, true, []],
    ['lab/model', true, false, []],
    ['panel', true, true, []],
  ] as const) {
    const { chat, asked } = createModel(plainAnswer)
    const { thrown } = await drain(open(chat, { takesTools }).toolChat({ ...aRequest, model }, aCall(), { useTools }))
    expect({ model, thrown, offered: asked.map(toolsOf) }).toEqual({
      model,
      thrown: undefined,
      offered: [[...offered]],
    })
  }
})

test('a model that refuses tools is asked without them, and they are not offered to it again', async () => {
  const refusal = new ChatError('invalid-request', { message: 'gemma does not support tools', upstreamStatus: 400 })
  const { chat, asked } = createModel([refusal], plainAnswer)
  const gateway = open(chat)
  for (const times of [1, 2]) {
    const { events, thrown } = await drain(gateway.toolChat(aRequest, aCall(), { useTools: true }))
    expect({ times, thrown, said: events.some((event) => event.type === 'text') }).toEqual({
      times,
      thrown: undefined,
      said: true,
    })
  }
  expect(asked.map(toolsOf)).toEqual([['lab__big'], [], []])
})

test('any other refusal is reported', async () => {
  const { chat, asked } = createModel(
    [new ChatError('invalid-request', { message: 'No.', upstreamStatus: 400 })],
    plainAnswer,
  )
  const { thrown } = await drain(open(chat).toolChat(aRequest, aCall(), { useTools: true }))
  expect(thrown).toMatchObject({ message: 'No.' })
  expect(asked).toHaveLength(1)
})

test('a caller’s own model also writes the summaries, and ours gets no request', async () => {
  const ourModel = createModel(plainAnswer)
  const ownModel = createModel(calling('lab__big'), [text('Short.'), finish()], plainAnswer)
  const lines: LogLine[] = []
  const call = aCall(undefined, lines)
  const { events } = await drain(open(ourModel.chat).toolChat(aRequest, call, { own: ownModel.chat, useTools: true }))
  expect(ourModel.asked).toEqual([])
  expect(ownModel.asked.map(({ model }) => model)).toEqual(['model', 'model', 'model'])
  expect(events).toContainEqual(expect.objectContaining({ type: 'tool-result', shortened: 'summarised' }))
  // the gateway estimates the usage, and writes one line for the whole call
  expect(events.at(-1)).toMatchObject({ type: 'usage', usage: { source: 'estimate' } })
  expect(lines.filter(({ message }) => message === 'chat')).toHaveLength(1)
})

test('a caller’s own model is offered no more tools than its limit', async () => {
  const ownModel = createModel(plainAnswer)
  const wishes = { own: ownModel.chat, ownBounds: { maxTools: 0 }, useTools: true }
  const call = aCall()
  await drain(open(createModel(plainAnswer).chat).toolChat(aRequest, call, wishes))
  expect(ownModel.asked.map(toolsOf)).toEqual([[]])
  expect(call.receipt.toolsOmitted).toEqual(['lab__big'])
})

test('calls with tools and calls without tools share one limit', async () => {
  const controller = newCancel()
  async function* hanging() {
    yield text('Half')
    await silence(controller)
  }
  const gateway = open(chatOf(hanging), { maxCalls: 1 })
  const running = events(gateway.toolChat(aRequest, aCall(), { useTools: true }))
  expect((await running.next()).value).toMatchObject({ text: 'Half' })
  expect((await drain(gateway.chat(aRequest, aCall()))).thrown).toMatchObject({ reason: 'unavailable' })
  await running.return(undefined)
  expect((await events(gateway.chat(aRequest, aCall())).next()).value).toMatchObject({ text: 'Half' })
  controller.abort(new Error('over'))
})

test('an upstream is found by its address in any spelling', () => {
  const gateway = open(createModel(plainAnswer).chat)
  for (const url of ['http://lab.example/v1', 'http://lab.example:80/v1/', 'HTTP://LAB.EXAMPLE/v1'])
    expect(gateway.upstreamAt(url)).toBe('lab')
  for (const url of [
    'https://lab.example/v1',
    'http://lab.example/',
    'http://u@lab.example/v1',
    'http://lab.example/v1?a',
    'x',
    '',
  ])
    expect(gateway.upstreamAt(url)).toBeUndefined()
})
