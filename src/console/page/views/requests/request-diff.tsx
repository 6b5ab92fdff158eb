import { texts } from '../../i18n/index.ts'
import { Cell, Row, RowHead, StackTable } from '../../kit/stack-table.tsx'
import { Loaded } from '../../kit/view.tsx'
import { hrefOf } from '../../router.ts'
import { useResource } from '../../session/resource.ts'
import { differentFields } from './field-diff.ts'
import { type DiffLine, diffLines, type FoldedLines, foldSame } from './line-diff.ts'
import { loadRequest } from './request-details.tsx'
import { readable } from './request-texts.tsx'
import type { RequestDetails } from './types.ts'
import { useTitle } from './use-title.ts'

interface DiffProps {
  readonly first: string
  readonly second: string
}

/** What two requests have that is not the same. */
export function RequestDiffView({ first, second }: DiffProps) {
  const { diff, details } = texts.value.requests
  const resource = useResource(
    async (signal) => await Promise.all([loadRequest(first, signal), loadRequest(second, signal)] as const),
    [first, second],
  )
  useTitle(diff.title)
  return (
    <section class="view request">
      <nav aria-label={details.back}>
        <a href={hrefOf(['requests'])}>← {details.back}</a>
      </nav>
      <header class="view-head">
        <h1 tabIndex={-1}>{diff.title}</h1>
        <a class="button" href={hrefOf(['requests', 'diff'], { a: second, b: first })}>
          {diff.swap}
        </a>
      </header>
      <Loaded resource={resource}>{([a, b]) => <Differences first={a} second={b} />}</Loaded>
    </section>
  )
}

interface PairProps {
  readonly first: RequestDetails
  readonly second: RequestDetails
}

function Differences({ first, second }: PairProps) {
  const { diff } = texts.value.requests
  const fields = differentFields(first, second, ['texts'])
  return (
    <>
      <section class="card">
        <h2>{diff.fields}</h2>
        {fields.length === 0 ? <p>{diff.equal}</p> : <FieldTable pair={[first.id, second.id]} fields={fields} />}
      </section>
      {first.texts && second.texts ? (
        (['request', 'answer'] as const).map((name) => (
          <TextDiff
            key={name}
            name={texts.value.requests.details[name]}
            first={first.texts?.[name] ?? ''}
            second={second.texts?.[name] ?? ''}
          />
        ))
      ) : (
        <p class="quiet-text">{diff.noTexts}</p>
      )}
    </>
  )
}

interface FieldTableProps {
  readonly pair: readonly [first: string, second: string]
  readonly fields: ReturnType<typeof differentFields>
}

function FieldTable({ pair, fields }: FieldTableProps) {
  const { diff } = texts.value.requests
  const sides = [diff.first, diff.second]
  return (
    <StackTable
      kind="field-diff"
      label={diff.fields}
      columns={[
        { name: diff.field },
        ...pair.map((id, at) => ({
          name: sides[at] ?? '',
          content: (
            <>
              {sides[at]}{' '}
              <a href={hrefOf(['requests', id])}>
                <bdi>{id}</bdi>
              </a>
            </>
          ),
        })),
      ]}
    >
      {fields.map(({ name, first, second }) => (
        <Row key={name}>
          <RowHead>
            <code>
              <bdi>{name}</bdi>
            </code>
          </RowHead>
          {[first, second].map((value, at) => (
            <Cell key={at} name={sides[at]}>
              {value === undefined ? <span class="quiet-text">{diff.missing}</span> : <bdi>{value}</bdi>}
            </Cell>
          ))}
        </Row>
      ))}
    </StackTable>
  )
}

interface TextDiffProps extends DiffProps {
  readonly name: string
}

function TextDiff({ name, first, second }: TextDiffProps) {
  const { diff } = texts.value.requests
  const lines = foldSame(diffLines(readable(first), readable(second)))
  const isEqual = first === second
  return (
    <section class="card">
      <h2>{diff.texts(name)}</h2>
      {isEqual ? (
        <p>{diff.equalTexts}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled with the keyboard
        <div class="text-box lines" tabIndex={0} role="region" aria-label={diff.texts(name)}>
          {lines.map((line, at) => (
            <DiffRow key={at} line={line} />
          ))}
        </div>
      )}
    </section>
  )
}

const signs = { same: ' ', removed: '−', added: '+' } as const

function DiffRow({ line }: { readonly line: DiffLine | FoldedLines }) {
  const { diff } = texts.value.requests
  if (line.kind === 'folded') return <p class="skipped">⋯ {diff.folded(line.count)}</p>
  const { kind, text } = line
  return (
    <p class={kind}>
      <span class="sign" aria-hidden="true">
        {signs[kind]}
      </span>
      {kind !== 'same' && <span class="unseen">{diff[kind]} </span>}
      <bdi>{text}</bdi>
    </p>
  )
}
