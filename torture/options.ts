import { parseArgs } from 'node:util'
import type { Effort } from './lab/lab.ts'
import type { Lane, Prices, Target } from './lab/target.ts'
import { isSurface, type Surface, surfaces } from './talk/surface.ts'

export const help = `bun run torture --target URL [--key K] [--model M]
bun run torture --recipe NAME

It starts an upstream, sends requests through the gateway under test, and compares both sides. Configure the gateway with the
upstream's address first (--upstream), with any key; or let a recipe do it.

  --target URL          the gateway's address, without /v1
  --key K               the key that the gateway asks of its clients
  --model M             the model to ask. SURFACE=M for one surface (chat, responses, messages). May be repeated: each is tried
  --upstream PORT       the port of our upstream on --host (default 9199)
  --host H              where our upstream listens (default 127.0.0.1)
  --header 'Name: v'    one more header of each request. May be repeated
  --cost HEADER=IN,OUT  the header with an answer's cost, and the prices that the gateway was given, for a million tokens
  --pid N               the gateway's process, to measure its memory and descriptors
  --recipe NAME         starts a gateway itself: --list shows which
  --section NAME        only this section; or SECTION/NAME, only this check. May be repeated
  --full                long: silences, load for minutes
  --markdown FILE       writes the score card as Markdown
  --json FILE           writes the score card as JSON
  --list                shows the checks and the recipes
`

export interface Options {
  readonly target?: Target
  readonly recipe?: string
  readonly port: number
  readonly host: string
  readonly effort: Effort
  readonly sections: readonly string[]
  readonly markdown?: string
  readonly json?: string
  readonly isList: boolean
}

const defaultPort = 9199

/** @throws TypeError that says what is wrong with the arguments */
export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      target: { type: 'string' },
      key: { type: 'string' },
      model: { type: 'string', multiple: true, default: ['torture'] },
      upstream: { type: 'string', default: String(defaultPort) },
      host: { type: 'string', default: '127.0.0.1' },
      header: { type: 'string', multiple: true, default: [] },
      cost: { type: 'string' },
      pid: { type: 'string' },
      recipe: { type: 'string' },
      section: { type: 'string', multiple: true, default: [] },
      full: { type: 'boolean', default: false },
      markdown: { type: 'string' },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
    },
  })
  const { target: url, key, cost, pid, recipe, markdown, json } = values
  if (url === undefined && recipe === undefined && !values.list)
    throw new TypeError('say what to test: --target URL or --recipe NAME')
  if (url !== undefined && !URL.canParse(url)) throw new TypeError(`--target must be a URL, not ${url}`)
  const fields = Object.fromEntries(values.header.map(readField))
  const target = url !== undefined && {
    ...{ url: url.replace(/\/(v1\/?)?$/, ''), lanes: lanesOf(values.model), fields },
    ...(key !== undefined && { key }),
    ...(cost !== undefined && { prices: readPrices(cost) }),
    ...(pid !== undefined && { pid: wholeNumber('--pid', pid) }),
  }
  return {
    ...(target && { target }),
    ...(recipe !== undefined && { recipe }),
    port: wholeNumber('--upstream', values.upstream.replace(/^.*:/, '')),
    host: values.host,
    effort: values.full ? 'full' : 'quick',
    sections: values.section,
    ...(markdown !== undefined && { markdown }),
    ...(json !== undefined && { json }),
    isList: values.list,
  }
}

/** `M` is asked on each surface, `SURFACE=M` on one. */
function lanesOf(models: readonly string[]): readonly Lane[] {
  const pairs = models.flatMap((text): readonly (readonly [Surface, string])[] => {
    const name = text.slice(0, text.indexOf('='))
    if (text.includes('=') && isSurface(name)) return [[name, text.slice(name.length + 1)]]
    return surfaces.map((surface) => [surface, text] as const)
  })
  return pairs.map(([surface, model]) => {
    const isOnly = pairs.filter(([other]) => other === surface).length === 1
    return { name: isOnly ? surface : `${surface} ${model}`, surface, model }
  })
}

function readField(text: string): readonly [string, string] {
  const colon = text.indexOf(':')
  if (colon < 1) throw new TypeError(`--header must be "Name: value", not ${JSON.stringify(text)}`)
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]
}

function readPrices(text: string): Prices {
  const [, header, input, output] = /^([\w-]+)=([\d.]+),([\d.]+)$/.exec(text) ?? []
  if (header === undefined) throw new TypeError(`--cost must be HEADER=IN,OUT, not ${text}`)
  return { header: header.toLowerCase(), input: Number(input), output: Number(output) }
}

function wholeNumber(flag: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`${flag} must be a number, not ${text}`)
  return Number(text)
}
