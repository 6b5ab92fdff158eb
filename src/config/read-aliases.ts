import type { Upstream } from '../providers/provider.ts'
import type { Environment } from './environment.ts'
import { isPossible } from './report-impossible.ts'

interface AliasTargets {
  readonly upstreams: readonly Upstream[]
  /** The names of the routes. */
  readonly routes: ReadonlySet<string>
}

/** Reads `ALIASES`: other names of models, in the form `name = model`, one per line or after a `;`. */
export function readAliases(environment: Environment, known: AliasTargets): ReadonlyMap<string, string> {
  const aliases = new Map<string, string>()
  const report = (problem: string, remedy: string) => environment.report({ variable: 'ALIASES', problem, remedy })
  const lines = environment.text('ALIASES')?.split(/[;\n]/) ?? []
  for (const line of lines.map((text) => text.trim()).filter((text) => text !== '')) {
    const [, name, target] = /^([\w.:/-]{1,100}(?<!:tools))\s*=\s*(\S+)$/.exec(line) ?? []
    if (name === undefined || target === undefined)
      report('has a line that is not `name = model`', 'for example claude-sonnet = openai/gpt-5-mini')
    else if (aliases.has(name)) report(`defines "${name}" twice`, 'choose another name')
    else aliases.set(name, target)
  }
  for (const [name, target] of aliases) {
    const fault = faultOf(name, target, { ...known, aliases })
    if (fault) report(...fault)
  }
  return aliases
}

interface Definitions extends AliasTargets {
  readonly aliases: ReadonlyMap<string, string>
}

function faultOf(
  name: string,
  target: string,
  { aliases, routes, upstreams }: Definitions,
): readonly [problem: string, remedy: string] | undefined {
  if (routes.has(name)) return [`defines "${name}", which is a route`, 'choose another name']
  if (routes.has(target))
    return [`gives the route "${target}" another name`, `name one model, or write ${name} = ${target} in ROUTES`]
  if (aliases.has(target)) {
    const model = followed(target, aliases)
    return model === undefined
      ? [`goes in a circle at "${name}"`, 'name a model']
      : [`gives the alias "${target}" another name`, `name its model: ${name} = ${model}`]
  }
  if (!/:tools$|\/$/.test(target) && isPossible(target, upstreams)) return undefined
  const names = upstreams.map((upstream) => upstream.name).join(', ')
  return [
    `gives "${name}" to a model that no configured upstream has`,
    `one of the upstreams ${names}, as upstream/model`,
  ]
}

/** The model at the end of a chain of aliases; undefined for a circle. */
function followed(name: string, aliases: ReadonlyMap<string, string>): string | undefined {
  let target = name
  for (let steps = 0; steps <= aliases.size; steps++) {
    const next = aliases.get(target)
    if (next === undefined) return target
    target = next
  }
  return undefined
}
