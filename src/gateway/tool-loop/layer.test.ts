import { describe, expect, test } from 'bun:test'
import type { ChatEvent } from '../../chat/event.ts'
import type { OfferedTool } from '../../chat/request.ts'
import type { Tool } from '../../tools/tool.ts'
import { aCall, aRequest, drain, finish, text } from '../chat.double.ts'
import { toolLoop } from './layer.ts'
import { toolLimits } from './limits.ts'
import { aModel, aRegistry, aTool, calling } from './tools.double.ts'

const tools = [
  aTool('clock__now', () => 'noon'),
  aTool('clock__zone', () => 'UTC'),
  aTool('web__search', () => 'found'),
]
const mcp = (extra: object): OfferedTool => ({ type: 'foreign', name: 'mcp', extra: { 'openai-chat': { ...extra } } })
const answer: ChatEvent[] = [text('It is noon.'), finish()]

interface Asked {
  readonly model?: string
  readonly sent?: readonly OfferedTool[]
  readonly choices?: number
}

async function ask({ model = 'm', sent, choices }: Asked, offered: readonly Tool[] = tools) {
  const { chat, asked } = aModel([text('Let me look.'), ...calling('clock__now')], answer)
  const parameters = { ...(sent && { tools: sent }), ...(choices && { choices }) }
  const run = toolLoop({ registry: aRegistry(...offered), limits: toolLimits }, async () => ({}))(chat)
  const { events, thrown } = await drain(run({ ...aRequest, model, parameters }, aCall()))
  return { events, thrown, asked, names: asked[0]?.parameters.tools?.map(({ name }) => name) }
}

describe('a client that asks for tools', () => {
  test('gets one answer in one text, and hears nothing of the calls', async () => {
    const { events } = await ask({ sent: [mcp({ server_label: 'clock' })] })
    expect(events).toEqual([text('Let me look.'), text('\n\nIt is noon.', 0, 1), finish()])
  })

  test('gets those of the server it names', async () => {
    expect((await ask({ sent: [mcp({ server_label: 'clock' })] })).names).toEqual(['clock__now', 'clock__zone'])
  })

  test('gets those of several, or of all, once each', async () => {
    const all = tools.map(({ name }) => name)
    expect((await ask({ sent: [mcp({ server_label: 'clock' }), mcp({ server_label: 'web' })] })).names).toEqual(all)
    expect((await ask({ sent: [mcp({ server_label: '*' }), mcp({ server_label: 'web' })] })).names).toEqual(all)
  })

  test('gets all with the model’s suffix, which the upstream never sees', async () => {
    const { names, asked } = await ask({ model: 'vendor/m:free:tools' })
    expect(names).toEqual(tools.map(({ name }) => name))
    expect(asked.map(({ model }) => model)).toEqual(['vendor/m:free', 'vendor/m:free'])
  })

  for (const allowed of [['now'], ['clock__now'], { tool_names: ['now'] }])
    test(`gets only the allowed ones: ${JSON.stringify(allowed)}`, async () => {
      expect(
        (await ask({ sent: [mcp({ server_label: 'clock', allowed_tools: allowed, require_approval: 'never' })] }))
          .names,
      ).toEqual(['clock__now'])
    })

  test('gets of each server what is allowed of that one', async () => {
    const sent = [mcp({ server_label: 'clock', allowed_tools: ['now'] }), mcp({ server_label: 'web' })]
    expect((await ask({ sent })).names).toEqual(['clock__now', 'web__search'])
  })

  test('keeps its own beside them', async () => {
    const own = { type: 'function' as const, name: 'own' }
    expect((await ask({ sent: [own, mcp({ server_label: 'clock' })] })).names).toEqual([
      'own',
      'clock__now',
      'clock__zone',
    ])
  })

  test('asks without tools where the server has none', async () => {
    const { asked } = await ask({ model: 'm:tools' }, [])
    expect(asked[0]?.parameters).toEqual({})
  })
})

test('the tools that ran are noted for the log, each once; a name that the model made up is not', async () => {
  const rounds = [
    calling('clock__now'),
    calling('web__search'),
    calling('a word of the answer'),
    calling('clock__now', 'c2'),
  ]
  const { chat } = aModel(...rounds, answer)
  const call = aCall()
  await drain(
    toolLoop({ registry: aRegistry(...tools), limits: toolLimits }, async () => ({}))(chat)(
      { ...aRequest, model: 'm:tools' },
      call,
    ),
  )
  expect([...call.receipt.tools]).toEqual(['clock__now', 'web__search'])
})

describe('a client that asks for none', () => {
  test('has the chat as it is', async () => {
    const own = { type: 'function' as const, name: 'clock__now' }
    const { events, asked } = await ask({ sent: [own] })
    expect(events.map(({ type }) => type)).toEqual(['text', 'tool-call', 'tool-arguments', 'finish'])
    expect(asked).toHaveLength(1)
  })
})

describe('what a client may not ask is refused before anything is asked', () => {
  const cases: readonly [string, Asked, string][] = [
    [
      'an address of its own',
      { sent: [mcp({ server_label: 'clock', server_url: 'http://127.0.0.1/' })] },
      'tools[0].server_url',
    ],
    ['a connector', { sent: [mcp({ server_label: 'clock', connector_id: 'x' })] }, 'tools[0].connector_id'],
    ['headers', { sent: [mcp({ server_label: 'clock', headers: {} })] }, 'tools[0].headers'],
    ['a token', { sent: [mcp({ server_label: 'clock', authorization: 'x' })] }, 'tools[0].authorization'],
    [
      'a server there is not',
      { sent: [mcp({ server_label: 'web' }), mcp({ server_label: 'shell' })] },
      'tools[1].server_label',
    ],
    ['no server', { sent: [mcp({})] }, 'tools[0].server_label'],
    [
      'its approval of each call',
      { sent: [mcp({ server_label: 'web', require_approval: 'always' })] },
      'tools[0].require_approval',
    ],
    ['a wrong list', { sent: [mcp({ server_label: 'web', allowed_tools: [1] })] }, 'tools[0].allowed_tools'],
    ['several answers', { model: 'm:tools', choices: 2 }, 'n'],
  ]
  for (const [name, request, param] of cases)
    test(name, async () => {
      const { thrown, asked } = await ask(request)
      expect(thrown).toMatchObject({ reason: 'invalid-request', param })
      expect(asked).toEqual([])
    })
})
