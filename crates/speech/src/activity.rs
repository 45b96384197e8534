//! Voice activity detection by loudness.
//!
//! Speech alternates between loud and quiet. Silence and steady sounds, such as a hum or a hiss,
//! contain no speech.
use crate::audio::RATE;

/// Samples of one frame: 20 ms.
pub const FRAME: usize = RATE / 50;
/// Power relative to full scale below which nothing can be understood: -65 dB.
const SILENT: f32 = 3.2e-7;
/// Least ratio of the power of speech to that of the quietest tenth of the recording: 2.6 dB.
/// Steady noise varies less from one frame to the next.
const ABOVE_NOISE: f32 = 1.8;
/// Frames around speech that count as speech: quiet beginnings and ends of words.
const MARGIN: usize = 15;
/// Fewest consecutive loud frames; fewer are a click.
const SHORTEST: usize = 3;

/// Returns for each frame whether it may contain speech.
pub fn active_frames(samples: &[f32]) -> Vec<bool> {
    let powers: Vec<f32> = samples.chunks(FRAME).map(power).collect();
    let mut sorted = powers.clone();
    sorted.sort_by(f32::total_cmp);
    let quiet = sorted.get(sorted.len() / 10).copied().unwrap_or(0.0);
    let threshold = (quiet * ABOVE_NOISE).max(SILENT);
    let mut active = vec![false; powers.len()];
    let mut run = 0;
    for (index, &power) in powers.iter().enumerate() {
        run = if power > threshold { run + 1 } else { 0 };
        if run >= SHORTEST {
            let start = (index + 1).saturating_sub(run + MARGIN);
            let end = (index + MARGIN).min(active.len() - 1);
            active[start..=end].fill(true);
        }
    }
    active
}

fn power(frame: &[f32]) -> f32 {
    // Ignore a constant offset, which is inaudible.
    let mean = frame.iter().sum::<f32>() / frame.len() as f32;
    frame.iter().map(|sample| (sample - mean).powi(2)).sum::<f32>() / frame.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seconds: f32, level: f32) -> Vec<f32> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..(seconds * RATE as f32) as usize).map(|_| next() * level).collect()
    }

    #[test]
    fn silence_hum_and_hiss_are_not_speech() {
        let hum = |at: usize| (at as f32 * 50.0 * std::f32::consts::TAU / RATE as f32).sin() * 0.2;
        let sounds = [
            vec![0.0; 10 * RATE],
            vec![0.25; 10 * RATE],
            (0..10 * RATE).map(hum).collect(),
            noise(10.0, 0.05),
        ];
        for (number, sound) in sounds.iter().enumerate() {
            assert!(!active_frames(sound).contains(&true), "{number}");
        }
    }

    #[test]
    fn sound_above_the_noise_is_found_with_a_margin() {
        let mut sound = noise(10.0, 0.01);
        for (index, sample) in noise(2.0, 0.2).into_iter().enumerate() {
            sound[4 * RATE + index] += sample;
        }
        let active = active_frames(&sound);
        let first = active.iter().position(|active| *active).unwrap();
        let last = active.iter().rposition(|active| *active).unwrap();
        assert!((180..=200).contains(&first), "{first}");
        assert!((300..=320).contains(&last), "{last}");
    }

    #[test]
    fn a_click_is_not_speech() {
        let mut sound = vec![0.0; 5 * RATE];
        sound[2 * RATE..2 * RATE + 300].fill(0.9);
        assert!(!active_frames(&sound).contains(&true));
    }
}
