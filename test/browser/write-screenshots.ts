/** Takes the pictures of docs/console.md: `bun run screenshots`. What they show is staged, with upstreams that are emulated. */
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { en } from '../../src/console/page/i18n/en.ts'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import { start } from '../e2e/program.ts'
import { emulateMcp } from '../tools/emulated-mcp.ts'
import { openBrowser, settled, show, type Visit, visit } from './browser.ts'
import { adminKey, ask, makeKey } from './seed.ts'
import { withFewColours } from './small-png.ts'
import { answerOf } from './writer.ts'

const folder = join(import.meta.dir, '../../docs/console')

/** Bytes. Everybody who clones the repository loads them. */
const maxBytes = 100_000

const question = 'How does the gateway choose an upstream?'

const answers: Readonly<Record<string, string>> = {
  'gpt-5-mini': `It asks in the order of the route, and stays with the first that **begins** to answer:

1. Accounts that rest or have no quota left are passed over.
2. An upstream that failed several times in a row waits.
3. If nothing comes in time, the next one is asked.

\`\`\`
fast = groq/llama-4-scout > openai/gpt-5-mini
\`\`\`

Once words have been sent, only a *continuation* can change the upstream.`,
  'llama-4-scout': `In short:

| situation | next step |
|---|---|
| limit reached | next account |
| upstream down | next in the route |
| answer broke off | go on elsewhere |

The receipt below says which upstream it was, and after how many attempts.`,
}

const writing = (paceMs: number) => (chat: { readonly model: string; readonly stream?: boolean | undefined }) =>
  chat.stream ? answerOf(chat.model, answers[chat.model] ?? 'It depends on the route.', paceMs) : undefined
const openai = await emulateOpenai({ models: ['gpt-5-mini', 'gpt-5'], reply: writing(14) })
const groq = await emulateOpenai({ models: ['llama-4-scout', 'qwen-3-32b'], reply: writing(6) })
const refusing = await emulateOpenai({ keys: ['none'] })
const tools = await emulateMcp({})

// these models are invented, and so are their prices
const pricesFile = join(tmpdir(), `tributary-prices-${process.pid}.json`)
const prices = { 'openai/*': { input: 0.25, output: 2 }, 'groq/*': { input: 0.1, output: 0.4 } }
await Bun.write(pricesFile, JSON.stringify({ prices }))

const gateway = await start({
  ...{ PORT: '8000', API_MASTER_KEY: adminKey },
  ...{ OPENAI_API_KEY: 'sk-example-0123456789', OPENAI_BASE_URL: openai.url },
  ...{ GROQ_API_KEY_1: 'gsk-example-0123456789', GROQ_API_KEY_2: 'gsk-example-9876543210', GROQ_BASE_URL: groq.url },
  ...{
    UPSTREAM_OFFICE_URL: refusing.url,
    UPSTREAM_OFFICE_KEY: 'sk-example-office-01234',
    UPSTREAM_OFFICE_MODELS: 'chat',
  },
  PRICES_FILE: pricesFile,
  ROUTES: 'fast = groq/llama-4-scout > openai/gpt-5-mini',
  MCP_SERVERS: JSON.stringify({
    mcpServers: { search: { url: `${tools.origin}/mcp` }, files: { command: 'mcp-server-files' } },
  }),
})

/** Requests of an hour in a minute. */
async function work(): Promise<void> {
  const team = await makeKey(gateway.url, { name: 'team', budget: '4000 tokens/day', rpm: 120 })
  await makeKey(gateway.url, { name: 'phone', rpm: 20, models: ['fast'] })
  const chat = (model: string, key: string, content: string) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content }] }),
    }).then((response) => response.text())
  const models = ['openai/gpt-5-mini', 'fast', 'groq/qwen-3-32b', 'openai/gpt-5']
  for (let round = 0; round < 6; round++)
    await Promise.all(models.map((model) => chat(model, round % 2 ? team : adminKey, `Question ${round} to ${model}`)))
  await chat('office/chat', team, 'Is anybody there?')
}

type Shot = readonly [name: string, hash: string, prepare?: (visited: Visit) => Promise<void>]

const shots: readonly Shot[] = [
  ['home', '#/home'],
  ['upstreams', '#/upstreams'],
  ['request', '#/requests', openLastRequest],
  ['usage', '#/usage?by=model'],
  ['try', '#/try?model=openai/gpt-5-mini', compare],
  ['connect', '#/connect'],
]

async function openLastRequest({ page }: Visit): Promise<void> {
  const { data }: { readonly data: readonly { readonly id: string; readonly model: string }[] } = JSON.parse(
    await ask(gateway.url, 'GET /admin/requests?model=fast'),
  )
  await show({ page }, `#/requests/${data[0]?.id}`)
}

async function compare({ page }: Visit): Promise<void> {
  await page.getByRole('button', { name: en.try.addModel }).click()
  await page.getByRole('combobox').nth(1).fill('fast')
  await page.keyboard.press('Enter')
  await page.getByLabel(en.try.prompt).fill(question)
  await page.getByRole('button', { name: en.try.sendTo(2) }).click()
  await page.locator('.answer[aria-busy="false"]').nth(1).waitFor()
}

async function take(browser: Browser, [name, hash, prepare]: Shot, theme: 'light' | 'dark'): Promise<void> {
  await using visited = await visit(browser, gateway.url, { key: adminKey, hash, theme })
  await settled(visited)
  await prepare?.(visited)
  await settled(visited)
  const path = join(folder, `${name}.png`)
  const bytes = withFewColours(await visited.page.screenshot({ animations: 'disabled', caret: 'hide' }))
  if (visited.faults.length > 0) throw new Error(`${name}: ${visited.faults.join(', ')}`)
  if (bytes.length > maxBytes) console.warn(`${name} has ${bytes.length} bytes, more than ${maxBytes}`)
  await Bun.write(path, bytes)
  console.info(`${path}: ${bytes.length} bytes`)
}

await work()
const browser = await openBrowser()
for (const [at, shot] of shots.entries()) await take(browser, shot, at % 3 === 2 ? 'dark' : 'light')
await browser.close()
await rm(pricesFile)
await gateway[Symbol.asyncDispose]()
await Promise.all([openai.close(), groq.close(), refusing.close(), tools.close()])
