import { type ImportedVariable, type ImportFinding, shown } from './finding.ts'
import { keyVariableOf, type ModelService } from './services.ts'

/** A model of another gateway, at one place where it is served. */
export interface Deployment {
  /** The name that clients use. */
  readonly name: string
  readonly service: ModelService
  /** The service's own name of the model. */
  readonly model: string
  /** The text of the key, or the variable that has it; undefined if none is needed. */
  readonly key: { readonly text: string } | { readonly variable: string } | undefined
  readonly weight?: number | undefined
  /** Those of a lower rank are asked first, and the others when all of them fail. */
  readonly rank?: number | undefined
  /** Limit for its requests of a minute. */
  readonly rpm?: number | undefined
  readonly place: string
}

export interface PlanOptions {
  /** The models that are asked when a model fails, by its name. */
  readonly fallbacks: ReadonlyMap<string, readonly string[]>
}

interface Planned {
  readonly variables: readonly ImportedVariable[]
  readonly findings: readonly ImportFinding[]
}

/** Makes upstreams, their keys, `ALIASES` and `ROUTES` of the deployments of another gateway. */
export function planSettings(deployments: readonly Deployment[], { fallbacks }: PlanOptions): Planned {
  const upstreams = new UpstreamPlan()
  const targets = new Map<string, Target[]>()
  const findings: ImportFinding[] = []
  for (const deployment of deployments) {
    const { name, model, place } = deployment
    if (!name.includes('*') && !targetForm.test(model)) {
      findings.push({ place, text: `The model "${shown(model)}" was left out: a route cannot name it.` })
      continue
    }
    const upstream = upstreams.add(deployment)
    const list = targets.get(name) ?? []
    list.push({ ...deployment, address: `${upstream}/${model}` })
    targets.set(name, list)
  }
  const names = planNames(targets, fallbacks)
  return {
    variables: [...upstreams.variables(), ...names.variables],
    findings: [...findings, ...upstreams.findings, ...names.findings],
  }
}

/** Limit of the requests of a minute that can be set. A larger number limits nothing. */
const maxRpm = 10_000

interface PlannedUpstream {
  readonly name: string
  /** `OPENAI_API_KEY`, or `UPSTREAM_LAB_KEY`. */
  readonly keyVariable: string
  /** `OPENAI`, or `UPSTREAM_LAB`. */
  readonly prefix: string
  readonly service: ModelService
  readonly keys: Set<string>
  readonly models: Set<string>
  /** The sum of what its models may be asked in a minute. */
  rpm: number
}

/** The upstreams that were found so far, each once. */
class UpstreamPlan {
  readonly #known = new Map<string, PlannedUpstream>()
  readonly findings: ImportFinding[] = []

  /** @returns the upstream's name */
  add({ service, key, rpm = 0, model, place }: Deployment): string {
    const id = JSON.stringify([service.upstream, service.url, service.api])
    const upstream = this.#known.get(id) ?? this.#begin(service)
    this.#known.set(id, upstream)
    upstream.models.add(model)
    upstream.rpm += rpm
    if (key && 'text' in key) upstream.keys.add(key.text)
    else if (key && key.variable !== upstream.keyVariable)
      this.findings.push({
        place,
        text: `The key is in the variable ${shown(key.variable)}: set ${upstream.keyVariable} to the same value.`,
      })
    return upstream.name
  }

  #begin(service: ModelService): PlannedUpstream {
    const { upstream } = service
    const taken = new Set([...this.#known.values()].map(({ name }) => name))
    const keyVariable = upstream === undefined ? undefined : keyVariableOf(upstream)
    const parts = { service, keys: new Set<string>(), models: new Set<string>(), rpm: 0 }
    if (upstream !== undefined && keyVariable !== undefined) {
      const prefix = keyVariable.replace(/_(API_KEY|TOKEN)$/, '')
      return { ...parts, name: upstream, keyVariable, prefix }
    }
    const name = freeName(slugOf(service.label), (wanted) => taken.has(wanted) || keyVariableOf(wanted) !== undefined)
    const prefix = `UPSTREAM_${name.toUpperCase().replaceAll('-', '_')}`
    return { ...parts, name, keyVariable: `${prefix}_KEY`, prefix }
  }

  variables(): readonly ImportedVariable[] {
    return [...this.#known.values()].flatMap(({ prefix, keyVariable, service: { url, api }, keys, models, rpm }) => {
      const isOwn = prefix.startsWith('UPSTREAM_')
      const named: ImportedVariable[] = []
      if (url !== undefined) named.push([isOwn ? `${prefix}_URL` : `${prefix}_BASE_URL`, url])
      // without its list of models the upstream is asked for it, and some of these servers have none
      const listed = [...models].filter((model) => !model.includes('*'))
      if (isOwn && listed.length === models.size) named.push([`${prefix}_MODELS`, listed.join(',')])
      if (isOwn && api !== 'chat') named.push([`${prefix}_API`, api])
      if (rpm > 0 && rpm <= maxRpm) named.push([`${prefix}_MAX_RPM`, String(rpm)])
      const numbered = [...keys].map(
        (key, at): ImportedVariable => [at === 0 ? keyVariable : `${keyVariable}_${at + 1}`, key],
      )
      return [...named, ...numbered]
    })
  }
}

function slugOf(label: string): string {
  const slug = label.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  return slug.replaceAll(/^-+|-+$/g, '') || 'other'
}

function freeName(wanted: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(wanted)) return wanted
  for (let number = 2; ; number++) if (!isTaken(`${wanted}-${number}`)) return `${wanted}-${number}`
}

interface Target extends Deployment {
  /** `upstream/model` */
  readonly address: string
}

/** The names that `ALIASES` and `ROUTES` take, and the models that they can name (src/gateway/routes/parse-routes.ts). */
const nameForm = /^[\w.:/-]{1,100}(?<!:tools)$/
const targetForm = /^[^\s\p{C}>|+*(),;=]{1,200}$/u

function planNames(
  targets: ReadonlyMap<string, readonly Target[]>,
  fallbacks: ReadonlyMap<string, readonly string[]>,
): Planned {
  const [aliases, routes, findings]: [string[], string[], ImportFinding[]] = [[], [], []]
  for (const [name, list] of targets) {
    const place = list[0]?.place ?? name
    const named = fallbacks.get(name) ?? []
    const others = named.filter((other) => targetForm.test(other))
    for (const other of named)
      if (!others.includes(other))
        findings.push({
          place: 'fallbacks',
          text: `The fallback "${shown(other)}" was left out: a route cannot name it.`,
        })
    if (name.includes('*')) {
      // a pattern needs no name: every model of an upstream can be addressed
      if (others.length > 0)
        findings.push({ place: 'fallbacks', text: `"${shown(name)}" is a pattern, which can have no route.` })
      continue
    }
    if (!nameForm.test(name)) {
      findings.push({ place, text: `The name "${shown(name)}" has characters that a model's name here may not have.` })
      continue
    }
    const expression = expressionOf(list)
    if (others.length > 0) routes.push(`${name} = ${[expression, ...others].join(' > ')}`)
    else if (expression.includes(' ')) routes.push(`${name} = ${expression}`)
    else if (expression !== name) aliases.push(`${name} = ${expression}`)
  }
  for (const [name] of fallbacks)
    if (!targets.has(name))
      findings.push({
        place: 'fallbacks',
        text: `"${shown(name)}" has fallbacks, but no model of this name is defined.`,
      })
  const variables: ImportedVariable[] = []
  if (aliases.length > 0) variables.push(['ALIASES', aliases.join('; ')])
  if (routes.length > 0) variables.push(['ROUTES', routes.join('; ')])
  return { variables, findings }
}

/** `a > b | c*2`: the ranks in their order, and within a rank balanced. */
function expressionOf(list: readonly Target[]): string {
  const ranks = [...new Set(list.map(({ rank = 0 }) => rank))].toSorted((a, b) => a - b)
  const parts = ranks.map((rank) => balanceOf(list.filter((target) => (target.rank ?? 0) === rank)))
  return parts.join(' > ')
}

function balanceOf(list: readonly Target[]): string {
  const weights = new Map<string, number>()
  for (const { address, weight = 1 } of list) weights.set(address, (weights.get(address) ?? 0) + weight)
  const isEven = new Set(weights.values()).size === 1
  return [...weights].map(([address, weight]) => (isEven ? address : `${address}*${weight}`)).join(' | ')
}
