import { type Card, scoreOf } from './card/card.ts'
import { markdownCard } from './card/markdown.ts'
import { resultLine, terminalCard } from './card/terminal.ts'
import type { Target } from './lab/target.ts'
import { help, type Options, readOptions } from './options.ts'
import { recipes } from './recipes/index.ts'
import { withSubject } from './recipes/with-subject.ts'
import { sections as allSections } from './sections/index.ts'
import type { Section } from './suite/check.ts'
import { runSuite } from './suite/run-suite.ts'
import { Upstream } from './upstream/server.ts'

const isChosen = (id: string, chosen: readonly string[]) =>
  chosen.length === 0 || chosen.some((name) => id === name || id.startsWith(`${name}/`))

function chosenSections({ sections: chosen }: Options): readonly Section[] {
  const known = allSections.flatMap(({ name, checks }) => [name, ...checks.map(({ id }) => id)])
  const unknown = chosen.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new TypeError(`there is no section or check ${unknown.join(', ')}: see --list`)
  return allSections.map((section) => ({ ...section, checks: section.checks.filter(({ id }) => isChosen(id, chosen)) }))
}

function list(): void {
  for (const { name, title, checks } of allSections) {
    console.log(`\n${name}: ${title}`)
    for (const { id, claim, credit } of checks)
      console.log(`  ${id.padEnd(34)} ${claim}${credit ? ` (${credit})` : ''}`)
  }
  console.log('\nrecipes')
  for (const { name, needs } of recipes) console.log(`  ${name.padEnd(34)} ${needs}`)
}

interface Subjected {
  readonly target: Target
  readonly gateway: string
  readonly version: string
}

async function grade(options: Options, upstream: Upstream, { target, gateway, version }: Subjected): Promise<Card> {
  const results = await runSuite(target, {
    ...{ upstream, effort: options.effort, sections: chosenSections(options) },
    onResult: (result) => console.log(resultLine(result)),
  })
  const hidden = (word: string) => (target.key !== undefined && word === target.key ? '***' : word)
  const command = ['bun run torture', ...process.argv.slice(2).map(hidden)].join(' ')
  return { gateway, version, date: new Date().toISOString().slice(0, 10), command, results }
}

async function test(options: Options): Promise<Card> {
  chosenSections(options)
  const recipe = recipes.find(({ name }) => name === options.recipe)
  if (options.recipe !== undefined && !recipe) throw new TypeError(`there is no recipe ${options.recipe}: see --list`)
  const upstream = await Upstream.open(recipe ? 0 : options.port, options.host)
  try {
    if (!recipe && options.target)
      return await grade(options, upstream, { target: options.target, gateway: options.target.url, version: '' })
    if (!recipe) throw new TypeError('say what to test')
    return await withSubject(recipe, upstream.port, ({ target, version }) =>
      grade(options, upstream, { target, version, gateway: recipe.name }),
    )
  } finally {
    await upstream.close()
  }
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help')) {
    console.log(help)
    return 0
  }
  const options = readOptions(argv)
  if (options.isList) {
    list()
    return 0
  }
  const card = await test(options)
  console.log(terminalCard(card, allSections))
  if (options.markdown) await Bun.write(options.markdown, markdownCard(card, allSections))
  if (options.json) await Bun.write(options.json, `${JSON.stringify(card, null, 2)}\n`)
  return scoreOf(card.results).failed > 0 ? 1 : 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(`torture: ${error instanceof Error ? error.message : error}\n\n${help}`)
  process.exitCode = 2
}
