import { describe, expect, test } from 'bun:test'
import type { ChatEvent } from '../../chat/event.ts'
import type { OfferedTool } from '../../chat/request.ts'
import type { Tool } from '../../tools/tool.ts'
import { aCall, aRequest, drain, finish, text } from '../chat.double.ts'
import { toolLoop } from './layer.ts'
import { toolLimits } from './limits.ts'
import { calling, createModel, createRegistry, createTool } from './tools.double.ts'

const tools = [
  createTool('clock__now', () => 'noon'),
  createTool('clock__zone', () => 'UTC'),
  createTool('web__search', () => 'found'),
]
const mcp = (extra: object): OfferedTool => ({ type: 'foreign', name: 'mcp', extra: { 'openai-chat': { ...extra } } })
const answer: ChatEvent[] = [text('It is noon.'), finish()]

interface Asked {
  readonly model?: string
  readonly sent?: readonly OfferedTool[]
  readonly choices?: number
}

async function ask({ model = 'm', sent, choices }: Asked, offered: readonly Tool[] = tools) {
  const { chat, asked } = createModel([text('Let me look.'), ...calling('clock__now')], answer)
  const parameters = { ...(sent && { tools: sent }), ...(choices && { choices }) }
  const run = toolLoop({ registry: createRegistry(...offered), limits: toolLimits }, async () => ({}))(chat)
  const { events, thrown } = await drain(run({ ...aRequest, model, parameters }, aCall()))
  return { events, thrown, asked, names: asked[0]?.parameters.tools?.map(({ name }) => name) }
}

describe('a client that asks for tools', () => {
  test('gets one answer as one text, without the calls', async () => {
    const { events } = await ask({ sent: [mcp({ server_label: 'clock' })] })
    expect(events).toEqual([text('Let me look.'), text('\n\nIt is noon.', 0, 1), finish()])
  })

  test('gets the tools of the server that it names', async () => {
    expect((await ask({ sent: [mcp({ server_label: 'clock' })] })).names).toEqual(['clock__now', 'clock__zone'])
  })

  test('gets the tools of several or all servers, each once', async () => {
    const all = tools.map(({ name }) => name)
    expect((await ask({ sent: [mcp({ server_label: 'clock' }), mcp({ server_label: 'web' })] })).names).toEqual(all)
    expect((await ask({ sent: [mcp({ server_label: '*' }), mcp({ server_label: 'web' })] })).names).toEqual(all)
  })

  test('gets all tools if the model’s name has the suffix, which is removed for the upstream', async () => {
    const { names, asked } = await ask({ model: 'vendor/m:free:tools' })
    expect(names).toEqual(tools.map(({ name }) => name))
    expect(asked.map(({ model }) => model)).toEqual(['vendor/m:free', 'vendor/m:free'])
  })

  for (const allowed of [['now'], ['clock__now'], { tool_names: ['now'] }])
    test(`gets only the allowed tools: ${JSON.stringify(allowed)}`, async () => {
      expect(
        (await ask({ sent: [mcp({ server_label: 'clock', allowed_tools: allowed, require_approval: 'never' })] }))
          .names,
      ).toEqual(['clock__now'])
    })

  test('gets the allowed tools of each server', async () => {
    const sent = [mcp({ server_label: 'clock', allowed_tools: ['now'] }), mcp({ server_label: 'web' })]
    expect((await ask({ sent })).names).toEqual(['clock__now', 'web__search'])
  })

  test('keeps its own tools in addition to them', async () => {
    const own = { type: 'function' as const, name: 'own' }
    expect((await ask({ sent: [own, mcp({ server_label: 'clock' })] })).names).toEqual([
      'own',
      'clock__now',
      'clock__zone',
    ])
  })

  test('asks without tools if the server has none', async () => {
    const { asked } = await ask({ model: 'm:tools' }, [])
    expect(asked[0]?.parameters).toEqual({})
  })
})

test('the receipt has each tool that ran once, and no name that the model invented', async () => {
  const rounds = [
    calling('clock__now'),
    calling('web__search'),
    calling('a word of the answer'),
    calling('clock__now', 'c2'),
  ]
  const { chat } = createModel(...rounds, answer)
  const call = aCall()
  await drain(
    toolLoop({ registry: createRegistry(...tools), limits: toolLimits }, async () => ({}))(chat)(
      { ...aRequest, model: 'm:tools' },
      call,
    ),
  )
  expect([...call.receipt.tools]).toEqual(['clock__now', 'web__search'])
})

describe('a client that asks for no tools', () => {
  test('gets the chat unchanged', async () => {
    const own = { type: 'function' as const, name: 'clock__now' }
    const { events, asked } = await ask({ sent: [own] })
    expect(events.map(({ type }) => type)).toEqual(['text', 'tool-call', 'tool-arguments', 'finish'])
    expect(asked).toHaveLength(1)
  })
})

describe('a forbidden wish is refused before any request', () => {
  const cases: readonly [string, Asked, string][] = [
    [
      'an address of the client',
      { sent: [mcp({ server_label: 'clock', server_url: 'http://127.0.0.1/' })] },
      'tools[0].server_url',
    ],
    ['a connector', { sent: [mcp({ server_label: 'clock', connector_id: 'x' })] }, 'tools[0].connector_id'],
    ['headers', { sent: [mcp({ server_label: 'clock', headers: {} })] }, 'tools[0].headers'],
    ['a token', { sent: [mcp({ server_label: 'clock', authorization: 'x' })] }, 'tools[0].authorization'],
    [
      'an unknown server',
      { sent: [mcp({ server_label: 'web' }), mcp({ server_label: 'shell' })] },
      'tools[1].server_label',
    ],
    ['no server', { sent: [mcp({})] }, 'tools[0].server_label'],
    [
      'an approval of each call',
      { sent: [mcp({ server_label: 'web', require_approval: 'always' })] },
      'tools[0].require_approval',
    ],
    ['an invalid list', { sent: [mcp({ server_label: 'web', allowed_tools: [1] })] }, 'tools[0].allowed_tools'],
    ['several answers', { model: 'm:tools', choices: 2 }, 'n'],
  ]
  for (const [name, request, param] of cases)
    test(name, async () => {
      const { thrown, asked } = await ask(request)
      expect(thrown).toMatchObject({ reason: 'invalid-request', param })
      expect(asked).toEqual([])
    })
})
