import type { Problem } from '../../kernel/errors.ts';
import { type CompiledScript, placeAt } from './compile.ts';
import { mostParameters, type Protocol } from './statement.ts';

/**
 * What keeps a script from being run with a protocol.
 *
 * @param text the script, for places
 */
export function checkProtocol({ file, steps }: CompiledScript, text: string, protocol: Protocol): Problem[] {
  const problems: Problem[] = [];
  for (const step of steps) {
    const refuse = (message: string): void => {
      problems.push({ place: placeAt({ text, file }, step.offset), rule: 'script', message });
    };
    if (protocol === 'simple') {
      if (step.type === 'startpipeline') refuse('cannot use pipeline mode with the simple query protocol');
    } else if (step.type === 'sql' && step.statement.parameters.length > mostParameters) {
      refuse(`statement has too many arguments (maximum is ${mostParameters})`);
    }
  }
  return problems;
}

/**
 * What will probably not do what is meant: a variable in quotes or in a comment, which the simple protocol replaces, and
 * which becomes a parameter that the server does not see with the others. pgbench sends it all the same.
 */
export function protocolWarnings(
  { file, steps }: CompiledScript,
  text: string,
  protocol: Protocol,
): Problem[] {
  if (protocol === 'simple') return [];
  const warnings: Problem[] = [];
  for (const step of steps) {
    if (step.type !== 'sql' || !step.statement.hasHiddenVariables) continue;
    warnings.push({
      place: placeAt({ text, file }, step.offset),
      rule: 'script',
      message: `a variable in quotes or in a comment is no parameter: the server will refuse the ${protocol} statement`,
      hint: 'use -M simple, or take the variable out of the quotes',
    });
  }
  return warnings;
}
