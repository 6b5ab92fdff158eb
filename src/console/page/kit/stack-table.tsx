import type { ComponentChildren } from 'preact'

// Where it is narrow, the parts of the table are drawn as cards. Safari then forgets what they are, unless their roles are written out.
const roles = {
  table: { role: 'table' },
  group: { role: 'rowgroup' },
  row: { role: 'row' },
  head: { role: 'columnheader', scope: 'col' },
  rowHead: { role: 'rowheader', scope: 'row' },
  cell: { role: 'cell' },
} as const

export interface Column {
  readonly name: string
  readonly isNumber?: boolean
  /** Whether only a screen reader tells the name. */
  readonly isUnseen?: boolean
  /** What stands there instead of the name. */
  readonly content?: ComponentChildren
}

interface StackTableProps {
  readonly label?: string
  readonly kind: string
  readonly columns: readonly Column[]
  /** A cell of the head without a column for screen readers: the axis of a picture. */
  readonly picture?: ComponentChildren
  readonly children: ComponentChildren
}

/** A table that is a list of cards where it is narrow. */
export function StackTable({ label, kind, columns, picture, children }: StackTableProps) {
  return (
    <div class="stack-frame">
      <table {...roles.table} class={`stack ${kind}`} aria-label={label}>
        <thead {...roles.group}>
          <tr {...roles.row}>
            {columns.map(({ name, isNumber = false, isUnseen = false, content }) => (
              <th key={name} {...roles.head} class={isNumber ? 'number' : undefined}>
                {isUnseen ? <span class="unseen">{name}</span> : (content ?? name)}
              </th>
            ))}
            {picture && (
              <td class="picture" aria-hidden="true">
                {picture}
              </td>
            )}
          </tr>
        </thead>
        <tbody {...roles.group}>{children}</tbody>
      </table>
    </div>
  )
}

interface RowProps {
  readonly kind?: string | undefined
  readonly children: ComponentChildren
}

export function Row({ kind, children }: RowProps) {
  return (
    <tr {...roles.row} class={kind}>
      {children}
    </tr>
  )
}

/** The cell that says what the row is about. */
export function RowHead({ kind, children }: RowProps) {
  return (
    <th {...roles.rowHead} class={kind}>
      {children}
    </th>
  )
}

interface CellProps extends Partial<RowProps> {
  /** The name of the column, which stands beside the value on a phone. */
  readonly name?: string | undefined
  readonly isNumber?: boolean
}

export function Cell({ name, isNumber = false, kind, children }: CellProps) {
  const classes = [isNumber && 'number', kind].filter((part) => part).join(' ')
  return (
    <td {...roles.cell} class={classes || undefined} data-name={name}>
      {children}
    </td>
  )
}
