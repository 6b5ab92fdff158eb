import { writeOptions } from './parse-options.ts'
import type { GroupKind, RouteNode } from './route-tree.ts'

/** The operator of each kind, and how tightly it holds its members. */
const operators: Readonly<Record<GroupKind, { readonly sign: string; readonly rank: number }>> = {
  failover: { sign: ' > ', rank: 1 },
  balance: { sign: ' | ', rank: 2 },
  panel: { sign: ' + ', rank: 3 },
}

/** Writes a route as `ROUTES` has it, in one line. Parsing it gives the same route. */
export function writeRoute(node: RouteNode): string {
  return withOptions(writePart(node), node)
}

function writePart(node: RouteNode): string {
  if (node.kind === 'model') return node.name
  const { sign, rank } = operators[node.kind]
  return node.members.map((member) => writeMember(member, rank)).join(sign)
}

function writeMember(node: RouteNode, outerRank: number): string {
  const isTight = node.kind === 'model' || (operators[node.kind].rank > outerRank && node.weight === undefined)
  const isPlain = isTight && !node.settings
  return `${isPlain ? writePart(node) : `(${writeRoute(node)})`}${node.weight === undefined ? '' : `*${node.weight}`}`
}

function withOptions(written: string, { settings }: RouteNode): string {
  const options = settings ? writeOptions(settings) : ''
  return options === '' ? written : `${written} @ ${options}`
}

/** The header of a part in a panel: its upstream and model, its route, or what was written. */
export function titleOf(node: RouteNode): string {
  if (node.route !== undefined) return node.route
  if (node.kind !== 'model') return writeRoute(node)
  const slash = node.name.indexOf('/')
  return node.title ?? (slash < 0 ? node.name : `${node.name.slice(0, slash)} (${node.name.slice(slash + 1)})`)
}

/** How `check` names each kind. */
const titles: Readonly<Record<GroupKind, string>> = {
  failover: 'in order, until one answers',
  balance: 'one of these, the quickest first',
  panel: 'all of these at once',
}

/** Draws a route as a tree, a line for each part: its members are two spaces further to the right. */
export function drawRoute(node: RouteNode): readonly string[] {
  const weight = node.weight === undefined ? '' : ` *${node.weight}`
  const from = node.route === undefined ? '' : ` (${node.route})`
  const head = `${node.kind === 'model' ? node.name : titles[node.kind]}${weight}${from}`
  const members = node.kind === 'model' ? [] : node.members.flatMap(drawRoute)
  return [withOptions(head, node), ...members.map((line) => `  ${line}`)]
}
