import { useEffect } from 'preact/hooks'
import { count, moment, money, percent } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Badge } from '../../kit/badge.tsx'
import { Button } from '../../kit/button.tsx'
import { Meter } from '../../kit/meter.tsx'
import { Cell, Row, RowHead, StackTable } from '../../kit/stack-table.tsx'
import { address, hrefOf } from '../../router.ts'
import { now } from '../../session/clock.ts'
import type { BudgetUses } from './budget-use.ts'
import { isExpired, readBudget } from './key-values.ts'
import type { ClientKey } from './types.ts'

interface KeyTableProps {
  readonly keys: readonly ClientKey[]
  readonly uses: BudgetUses
  readonly onChange: (key: ClientKey) => void
  readonly onRevoke: (key: ClientKey) => void
}

/** The keys, and what can be done with each. */
export function KeyTable({ keys, ...rest }: KeyTableProps) {
  const { columns, list } = texts.value.keys
  const [named] = address.value.rest
  // `#/keys/NAME` leads to that key
  useEffect(() => document.querySelector('.keys .named')?.scrollIntoView({ block: 'center' }), [named])
  return (
    <div class="table">
      <StackTable
        kind="keys"
        label={list}
        columns={(['name', 'models', 'limits', 'budget', 'expires', 'actions'] as const).map((name) => ({
          name: columns[name],
          isUnseen: name === 'actions',
        }))}
      >
        {keys.map((key) => (
          <KeyRow key={`${key.source} ${key.name}`} subject={key} isNamed={key.name === named} {...rest} />
        ))}
      </StackTable>
    </div>
  )
}

interface KeyRowProps extends Omit<KeyTableProps, 'keys'> {
  readonly subject: ClientKey
  readonly isNamed: boolean
}

function KeyRow({ subject, isNamed, uses, onChange, onRevoke }: KeyRowProps) {
  const words = texts.value.keys
  const { name, owner, role, source, created, expires } = subject
  return (
    <Row kind={isNamed ? 'named' : undefined}>
      <RowHead>
        <bdi class="name">{name}</bdi> {role === 'admin' && <Badge tone="info">{words.admin}</Badge>}{' '}
        {source === 'file' && <Badge>{words.file}</Badge>}
        <span class="under">
          {owner !== undefined && <bdi>{owner}</bdi>}
          {created !== null && <span>{words.made(moment(created, now.value))}</span>}
        </span>
      </RowHead>
      <Cell name={words.columns.models}>
        <Models models={subject.models} />
      </Cell>
      <Cell name={words.columns.limits}>
        <Limits subject={subject} />
      </Cell>
      <Cell name={words.columns.budget}>
        {subject.budget === undefined ? (
          <span class="quiet-text">{words.noLimit}</span>
        ) : (
          <Budget budget={subject.budget} used={uses.get(name)} />
        )}
      </Cell>
      <Cell name={words.columns.expires}>
        {expires === undefined ? <span class="quiet-text">{words.never}</span> : <bdi>{expires}</bdi>}{' '}
        {isExpired(subject, now.value) && <Badge tone="bad">{words.expired}</Badge>}
      </Cell>
      <Cell kind="key-actions">
        <a href={hrefOf(['usage'], { key: name })}>{words.usage}</a>{' '}
        <a href={hrefOf(['requests'], { key: name })}>{words.requests}</a>
        {source === 'file' ? (
          <span class="hint">{words.fileHint}</span>
        ) : (
          <span class="row">
            <Button onPress={() => onChange(subject)} label={`${words.change} ${name}`}>
              {words.change}
            </Button>
            <Button kind="danger" onPress={() => onRevoke(subject)} label={`${words.revoke} ${name}`}>
              {words.revoke}
            </Button>
          </span>
        )}
      </Cell>
    </Row>
  )
}

const maxModels = 4

function Models({ models }: { readonly models: readonly string[] | undefined }) {
  const words = texts.value.keys
  if (!models) return <span class="quiet-text">{words.allModels}</span>
  return (
    <span>
      {models.slice(0, maxModels).map((pattern) => (
        <code key={pattern} class="pattern">
          <bdi>{pattern}</bdi>
        </code>
      ))}
      {models.length > maxModels && words.moreModels(models.length - maxModels)}
    </span>
  )
}

function Limits({ subject: { rpm, tpm, concurrent } }: { readonly subject: ClientKey }) {
  const words = texts.value.keys
  const lines = [
    rpm !== undefined && words.perMinute(count(rpm)),
    tpm !== undefined && words.tokensPerMinute(count(tpm)),
    concurrent !== undefined && words.atOnce(count(concurrent)),
  ].filter((line) => line !== false)
  if (lines.length === 0) return <span class="quiet-text">{words.noLimit}</span>
  return (
    <ul class="names">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  )
}

function Budget({ budget, used }: { readonly budget: string; readonly used: number | undefined }) {
  const words = texts.value.keys
  const { amount, unit, period } = readBudget(budget)
  const write = (value: number) => (unit === 'USD' ? money(value) : `${count(value)} ${words.units.tokens}`)
  const share = used === undefined ? undefined : Math.max(0, 1 - used / Number(amount))
  return (
    <div class="budget">
      <span>
        {write(Number(amount))} {words.periods[period]}
      </span>
      {used !== undefined && share !== undefined && (
        <>
          <Meter share={share} label={words.budgetLeft(percent(share))} />
          <span class="hint">{words.used(write(used))}</span>
        </>
      )}
    </div>
  )
}
