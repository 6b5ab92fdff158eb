import type { Parameters } from '../../chat/request.ts'
import type { RouteSettings } from '../../flow/route-settings.ts'

/** How the members of a part of a route are asked: one after the other, one of them, or all. */
export type GroupKind = 'failover' | 'balance' | 'panel'

interface AnyNode {
  /** Set for everything below. The settings nearest to a model win. */
  readonly settings?: RouteSettings
  /** The share of a member of a balance, compared with the others; 1 if absent. */
  readonly weight?: number
  /** The name of the route that this part was written as. */
  readonly route?: string
}

/** A model, or the name of another route before the routes are linked. */
export interface ModelNode extends AnyNode {
  readonly kind: 'model'
  readonly name: string
  /** Where it stands in `ROUTES`, counted from 0. */
  readonly at?: number
  /** The text of its header in a panel, if not the usual one. */
  readonly title?: string
  /** Parameters that are used if the client does not send them. */
  readonly defaults?: Parameters
}

export interface GroupNode extends AnyNode {
  readonly kind: GroupKind
  readonly members: readonly RouteNode[]
}

/** A part of a route, or a whole one. */
export type RouteNode = ModelNode | GroupNode

/** A model that the gateway adds, and how it is answered. */
export interface Route {
  /** The name that clients use. */
  readonly name: string
  readonly tree: RouteNode
}

/** Returns the models of a route, in the order in which they are written. */
export function modelsOf(node: RouteNode): readonly ModelNode[] {
  return node.kind === 'model' ? [node] : node.members.flatMap(modelsOf)
}

/** Whether several models may answer together. */
export function hasPanel(node: RouteNode): boolean {
  return node.kind !== 'model' && (node.kind === 'panel' || node.members.some(hasPanel))
}

/** Returns the settings of a part within those around it. */
export function settingsWithin(
  outer: RouteSettings | undefined,
  inner: RouteSettings | undefined,
): RouteSettings | undefined {
  return outer && inner ? { ...outer, ...inner } : (inner ?? outer)
}
