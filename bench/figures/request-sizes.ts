import { chatRequest, jsonRequest } from '../chat-request.ts'
import { type Figure, interleave, type Row, type Run } from '../figure.ts'
import { closeAll, openConnections, sendCount } from '../load.ts'
import { cpuUsDuring, rssMib } from '../process-usage.ts'
import { ratioRow, valueRow } from '../rows.ts'
import { startTargets, type Target } from '../targets.ts'

const connections = 8
const warmUpRequests = 2_000
const restMs = 5_000
const largeGoal = { must: 1.5 }
/** An ordinary message of a conversation. */
const words = 'The quick brown fox jumps over the lazy dog. '.repeat(5)

type Size = {
  readonly name: string
  readonly messages: readonly object[]
  /** The number of requests a round. */
  readonly requests: number
  readonly goal?: typeof largeGoal
}

const sizes: readonly Size[] = [
  { name: '1 message', messages: conversation(1), requests: 1_000 },
  { name: '50 messages', messages: conversation(50), requests: 400 },
  { name: '500 messages', messages: conversation(500), requests: 100, goal: largeGoal },
  { name: 'a picture of 10 KB', messages: picture(10_000), requests: 1_000 },
  { name: 'a picture of 1 MB', messages: picture(1_000_000), requests: 40 },
  { name: 'a picture of 10 MB', messages: picture(10_000_000), requests: 10, goal: largeGoal },
]

export const requestSizes: Figure = { name: 'sizes of requests', measure }

async function measure(run: Run): Promise<readonly Row[]> {
  await using targets = await startTargets(run)
  const { proxies } = targets
  for (const target of proxies) await send(target, chatRequest('json'), warmUpRequests)
  const rows: Row[] = []
  for (const size of sizes) rows.push(await rowOf(size, proxies, run))
  await Bun.sleep(restMs)
  return [...rows, await memoryRow(proxies)]
}

async function rowOf({ name, messages, requests, goal }: Size, proxies: readonly Target[], run: Run): Promise<Row> {
  const request = jsonRequest(messages)
  const count = run.count(requests)
  const found = await interleave(proxies, run.rounds(5), async (target) => {
    const spentUs = await cpuUsDuring(target.pid, () => send(target, request, count))
    return spentUs / count
  })
  return ratioRow(`CPU a JSON request in µs, ${name}`, found, goal)
}

async function memoryRow(proxies: readonly Target[]): Promise<Row> {
  const found = new Map<string, readonly number[]>()
  for (const { name, pid } of proxies) found.set(name, [await rssMib(pid)])
  const figure = `memory in MiB ${restMs / 1_000} s after all these requests`
  return valueRow(figure, found, { must: 90 }, { digits: 0, unit: 'MiB' })
}

async function send({ port }: Target, request: Buffer, count: number): Promise<void> {
  const opened = await openConnections(port, connections)
  await sendCount(opened, request, count)
  closeAll(opened)
}

function conversation(count: number): readonly object[] {
  return Array.from({ length: count }, (_, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content: words }))
}

function picture(bytes: number): readonly object[] {
  const url = `data:image/png;base64,${'QUJD'.repeat(bytes / 4)}`
  const content = [
    { type: 'text', text: 'What is this?' },
    { type: 'image_url', image_url: { url } },
  ]
  return [{ role: 'user', content }]
}
