import { omnibus, type Panel, type PanelMember } from '../gateway/panel.ts'
import type { Problem } from '../providers/provider.ts'
import type { Environment } from './environment.ts'

/**
 * Reads the panels: `rawbot-omnibus`, if it has members, and the panels of `ROUTES`. `ROUTES` has panels in the form
 * `name = a + b + c`, one per line or after a `;`.
 */
export function readPanels(environment: Environment, upstreams: readonly string[]): readonly Panel[] {
  const builtIn = omnibus(upstreams)
  const panels = new Map<string, Panel>(builtIn ? [[builtIn.name, builtIn]] : [])
  const routes = environment.text('ROUTES')?.split(/[;\n]/) ?? []
  for (const route of routes.map((text) => text.trim()).filter((text) => text !== '')) {
    const read = readRoute(route, upstreams)
    if ('problem' in read) environment.report(read)
    else if (panels.has(read.name)) environment.report(problem(`defines "${read.name}" twice`, 'choose another name'))
    else panels.set(read.name, read)
  }
  return [...panels.values()]
}

function readRoute(route: string, upstreams: readonly string[]): Panel | Problem {
  const [, name = '', members = ''] = /^([\w.:/-]{1,100})\s*=\s*(.+)$/.exec(route) ?? []
  if (name === '')
    return problem(
      'has a line that is not `name = member + member`',
      'for example panel = openai/gpt-5-mini + mistral/mistral-small-latest',
    )
  if (/[>|]/.test(members))
    return problem(
      `asks for failover (>) or balancing (|) in "${name}", which are not supported yet`,
      'use + for a fan-out, or leave the line out',
    )
  const addresses = members.split('+').map((address) => address.trim())
  const unknown = addresses.find((address) => !upstreams.some((upstream) => isModelOf(upstream, address)))
  if (unknown !== undefined)
    return problem(
      `names a member of "${name}" that is not an upstream/model of a configured upstream`,
      `one of the upstreams ${upstreams.join(', ') || '(none is configured)'}`,
    )
  return { name, members: addresses.map(toMember) }
}

function isModelOf(upstream: string, address: string): boolean {
  return address.startsWith(`${upstream}/`) && /^\S+$/.test(address.slice(upstream.length + 1))
}

/** Makes a member. Its title has the upstream and the model. */
function toMember(address: string): PanelMember {
  const slash = address.indexOf('/')
  return { title: `${address.slice(0, slash)} (${address.slice(slash + 1)})`, address, defaults: {} }
}

function problem(text: string, remedy: string): Problem {
  return { variable: 'ROUTES', problem: text, remedy }
}
