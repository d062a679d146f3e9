/** What an `efm` command prints and returns. */
export interface EfmAnswer {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** The command is taken on, or done. */
export const accept = (stdout: string): EfmAnswer => ({ exitCode: 0, stdout: `${stdout}\n`, stderr: '' });

/** The command is not: why not, on stderr. */
export const refuse = (text: string): EfmAnswer => ({ exitCode: 1, stdout: '', stderr: `${text}\n` });
