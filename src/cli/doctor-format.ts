import type { Diagnosis } from '../host/launcher/checks/diagnose.ts';
import { recipes } from './doctor-recipes.ts';

/** A diagnosis for people. */
export function formatDiagnosis(diagnosis: Diagnosis): string {
  const { system, findings, mechanisms, conclusions } = diagnosis;
  const where = system.surroundings.length > 0 ? ` · ${system.surroundings.join(', ')}` : '';
  const sections = [
    `ubinder doctor: ${system.platform} ${system.kernel} ${system.arch} · Node.js ${system.node} · uid ${system.uid}${where}`,
    section('Tried', table(findings.map(({ verdict, title, detail }) => [verdict, title, detail]))),
    section(
      'What works',
      table(conclusions.map(({ works, title, detail }) => [works ? 'yes' : 'no', title, detail])),
    ),
  ];
  if (mechanisms.length > 0)
    sections.push(
      section(
        'Mechanisms',
        table([
          ['for', 'mechanism', 'Linux', 'here', 'otherwise'],
          ...mechanisms.map((mechanism) => [
            mechanism.need,
            mechanism.name,
            mechanism.since.join('.'),
            mechanism.here,
            mechanism.here === 'yes' ? '' : mechanism.otherwise,
          ]),
        ]),
      ),
    );
  sections.push(...recipes.map(({ title, lines }) => section(title, lines)));
  return `${sections.join('\n\n')}\n`;
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines.map((line) => `  ${line}`)].join('\n');
}

/** Rows of text with their columns aligned. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
